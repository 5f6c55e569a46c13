"""George McIntire's fake_or_real_news: 6,335 articles of 2015 and 2016, labelled FAKE or REAL.

builder = FakeOrRealNews()          # or with config_name="article", or data_files="mine.csv"
builder.download_and_prepare()
train = builder.as_dataset(split="train")
"""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pandas as pd

from glove_lstm.errors import DataError, first_line
from glove_lstm.splits.splitter import (
    Ints,
    exact_duplicate_groups,
    hold_out_share,
    merge_groups,
    near_duplicate_groups,
)
from glove_lstm.vectors.download import download

logger = logging.getLogger(__name__)

_SEED = 42


class FakeOrRealNews(datasets.GeneratorBasedBuilder):
    """Columns id, title, text, label (FAKE, REAL). `data_files` names a local copy.

    The id leaks the label (REAL ids are low, FAKE ids high), so it must never reach a model.

    Configs:
        default: 70 % train, 10 % validation and 20 % test, stratified. Articles with the same title, or with equal or
            nearly equal bodies, are in the same split.
        article: 80 % train and 20 % validation, stratified, duplicates in either split, as in the published recipe.
    """

    VERSION = datasets.Version("1.1.0")  # of the files and of this code, for the cache
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
                    "label": datasets.ClassLabel(names=["FAKE", "REAL"]),
                }
            ),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:  # noqa: ARG002
        if self.config.data_files is None:
            path = download(self.URL)
        else:
            [path] = map(Path, self.config.data_files["train"])
        if _git_blob_id(path) != self.BLOB_ID:
            if self.config.data_files is None:
                path.unlink()
                raise DataError(
                    f"{self.URL} does not have the git blob id {self.BLOB_ID}; give a copy of the data as data_files."
                )
            logger.warning("fake_or_real_news: %s is not the canonical file.", path)
        articles = _read_articles(path)
        labels = articles["label"].tolist()
        if self.config.name == "article":
            train, validation = hold_out_share(labels, range(len(articles)), 0.2, _SEED)
            parts = {"train": train, "validation": validation}
        else:
            groups = _duplicate_groups(articles)
            others, test = hold_out_share(labels, groups, 0.2, _SEED)
            labels_of_others = [labels[row] for row in others]
            train, validation = hold_out_share(labels_of_others, groups[others], 1 / 8, _SEED)
            parts = {"train": others[train], "validation": others[validation], "test": test}
        # Read here, because `datasets` hides the errors of `_generate_examples`.
        return [
            datasets.SplitGenerator(split, gen_kwargs={"articles": articles.iloc[part]})
            for split, part in parts.items()
            if len(part)
        ]

    def _generate_examples(self, articles: pd.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(articles.to_dict("records"))


def _duplicate_groups(articles: pd.DataFrame) -> Ints:
    """Return group numbers, the same for articles that are duplicates: (n,).

    Equal titles count as duplicates, because the file repeats articles with a changed or empty body.
    """
    has_text = articles["text"].str.strip() != ""
    same_title = exact_duplicate_groups(articles["title"])
    same_body = near_duplicate_groups(articles["text"].where(has_text, articles["title"]).tolist())
    return merge_groups(same_body, same_title)


def _read_articles(path: Path) -> pd.DataFrame:
    """Read a file with the header `,title,text,label` into the columns id, title, text, label.

    Raises:
        DataError: The header is another one, or an id or a label is invalid.
    """
    try:
        articles = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise DataError(f"{path} is not CSV in UTF-8 ({first_line(error)}); correct it.") from None
    if list(articles.columns) != ["Unnamed: 0", "title", "text", "label"]:
        raise DataError(f"{path} has another header than ,title,text,label; give another file.")
    articles.columns = ["id", *articles.columns[1:]]
    is_valid = articles["id"].str.fullmatch("[0-9]+") & articles["label"].isin(["FAKE", "REAL"])
    if not is_valid.all():
        row = int((~is_valid).to_numpy().argmax())
        raise DataError(
            f"{path}, row {row + 1} must have a whole number as id, and the label FAKE or REAL; correct it."
        )
    return articles.astype({"id": int})


def _git_blob_id(path: Path) -> str:
    """Return the id that git gives to the file's content: SHA-1 of a header with the size, then the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        # file_digest accepts any callable that returns a hash object: here the one that has read the header.
        return hashlib.file_digest(file, lambda: digest).hexdigest()
