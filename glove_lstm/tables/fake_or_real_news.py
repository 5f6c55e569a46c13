"""George McIntire's fake_or_real_news: 6,335 articles of 2015 and 2016, labelled FAKE or REAL.

builder = FakeOrRealNews()          # or with config_name="article", or data_files="mine.csv"
builder.download_and_prepare()
train = builder.as_dataset(split="train")
"""

import logging
from pathlib import Path
from typing import Any

import datasets

from glove_lstm.errors import DataError
from glove_lstm.splits.splitter import (
    Ints,
    exact_duplicate_groups,
    hold_out_share,
    merge_groups,
    near_duplicate_groups,
)
from glove_lstm.tables.builder import NewsBuilder
from glove_lstm.tables.columns import read_text
from glove_lstm.tables.tables import open_table
from glove_lstm.vectors.download import git_blob_id

logger = logging.getLogger(__name__)

LABELS = ("FAKE", "REAL")
_SEED = 42
_COLUMNS = ("", "title", "text", "label")  # the id column has no name


class FakeOrRealNews(NewsBuilder):
    """Columns id, title, text, label (FAKE, REAL); see `NewsBuilder` for the arguments.

    The id leaks the label (REAL ids are low, FAKE ids high), so it must never reach a model.

    Configs:
        default: train, validation, test of 70, 10 and 20 %, seeded and stratified. Articles whose bodies are
            equal or near duplicates (5-word shingles, Jaccard 0.8), or whose titles are equal, are in the
            same split.
        article: train and validation of 80 and 20 %, seeded and stratified, duplicates in either split, as in the
            published recipe.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012
        datasets.BuilderConfig("default", VERSION, description="70/10/20, duplicates together"),
        datasets.BuilderConfig("article", VERSION, description="80/20, as published"),
    ]
    DEFAULT_CONFIG_NAME = "default"
    URL = (
        "https://raw.githubusercontent.com/kjam/random_hackery/"
        "494766e3992494422e72f8c14ebc202042f1da3b/data/fake_or_real_news.csv"
    )
    BLOB_ID = "3eb6d94a7fa7efffa1ea856c9dcd3ba686057c84"  # of git, of the file at `URL`

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Articles of 2015 and 2016 about United States politics, labelled FAKE or REAL.",
            homepage="https://github.com/kjam/random_hackery",
            features=datasets.Features(
                {
                    "id": datasets.Value("int64"),
                    "title": datasets.Value("string"),
                    "text": datasets.Value("string"),
                    "label": datasets.ClassLabel(names=list(LABELS)),
                }
            ),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:  # noqa: ARG002
        # One file for all splits.
        path = self.files.get("train") or self.download(blob_id=self.BLOB_ID)
        if git_blob_id(path) != self.BLOB_ID:
            logger.warning("fake_or_real_news: %s is not the canonical file.", path)
        articles = read_articles(path)
        labels = [article["label"] for article in articles]
        if self.config.name == "article":
            train, validation = hold_out_share(labels, range(len(articles)), 0.2, _SEED)
            parts = {"train": train, "validation": validation}
        else:
            groups = _duplicate_groups(articles)
            others, test = hold_out_share(labels, groups, 0.2, _SEED)
            labels_of_others = [labels[row] for row in others]
            train, validation = hold_out_share(labels_of_others, groups[others], 1 / 8, _SEED)
            parts = {"train": others[train], "validation": others[validation], "test": test}
        generators = []
        for split, part in parts.items():
            if len(part):
                rows = [articles[row] for row in part]
                generators.append(datasets.SplitGenerator(split, gen_kwargs={"rows": rows}))
        return generators


def _duplicate_groups(articles: list[dict[str, Any]]) -> Ints:
    """Return group numbers, the same for articles that are duplicates: (n,).

    Equal titles count as duplicates, because the file repeats articles with a changed or empty body.
    """
    same_title = exact_duplicate_groups(article["title"] for article in articles)
    bodies = [article["text"].strip() or article["title"] for article in articles]
    same_body = near_duplicate_groups(bodies)
    return merge_groups(same_body, same_title)


def read_articles(path: Path) -> list[dict[str, Any]]:
    """Read a file with the header `,title,text,label` into rows of id, title, text, label.

    Raises:
        DataError: A column is missing, or an id or label is invalid.
    """
    table = open_table(path)
    if table.first is None:
        raise DataError(f"{path} has no rows; give a file with data.")
    missing = [repr(name) for name in _COLUMNS if name not in table.columns]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}; its header must be ,title,text,label."
        )
    rows: list[dict[str, Any]] = []
    for number, record in table.records():
        row_name = table.row_name(number)
        label = record.get("label")
        if label not in LABELS:
            raise DataError(f"{row_name} has the label {label!r}; it must be FAKE or REAL.")
        title = read_text(record.get("title"), row_name, "title")
        text = read_text(record.get("text"), row_name, "text")
        try:
            article_id = int(record[""])
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{row_name} has the id {record.get('')!r}; it must be a whole number."
            ) from None
        rows.append({"id": article_id, "title": title, "text": text, "label": label})
    return rows
