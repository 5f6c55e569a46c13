"""The Fake News Corpus (several27): millions of articles, labelled by the kind of site that they come from.

    builder = FakeNewsCorpus(data_files="news_cleaned_2018_02_13.csv")
    builder.download_and_prepare()                               # or
    builder.as_streaming_dataset(split="train")

Whoever labels articles by their site teaches a model to recognise sites. Mind what the types mean before
mapping them: `unreliable` is "may be reliable but needs verification", `bias` is opinion and propaganda,
`political` is verifiable but partial, `satire` does not mean to deceive. None of them is FAKE or REAL, so the
default config leaves them out.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import datasets

from glove_lstm.data.builder import NewsBuilder
from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import read_csv
from glove_lstm.data.splits import folded_key

logger = logging.getLogger(__name__)

TYPES = (
    "fake",
    "satire",
    "bias",
    "conspiracy",
    "state",
    "junksci",
    "hate",
    "clickbait",
    "unreliable",
    "political",
    "reliable",
    "rumor",
)
_NEEDED = ("id", "type", "url", "content", "title")


@dataclass
class FakeNewsCorpusConfig(datasets.BuilderConfig):
    """Which types become which labels, and how rows fall into splits.

    Attributes:
        label_of: The label of each type; rows of other types are left out. Labels are numbered as they first
            appear.
        validation_fraction: The share of articles in validation.
        test_fraction: The share of articles in test.
        seed: Changes which articles fall where.
    """

    label_of: dict[str, str] = field(default_factory=lambda: {"fake": "FAKE", "reliable": "REAL"})
    validation_fraction: float = 0.1
    test_fraction: float = 0.2
    seed: int = 42


class FakeNewsCorpus(NewsBuilder):
    """Columns id, title, text, label of a local CSV file in the corpus's format; arguments as `NewsBuilder`.

    The file (27 GB) is read in constant memory, once a split. A hash of the body (of the URL, where there is
    none) decides the split, so equal bodies share one; near duplicates may not. Malformed rows are skipped
    and counted in the log: the published file has some.

    Configs:
        default: fake is FAKE, reliable is REAL, other types are left out.
        types: Each of the twelve types is a label; rows of unknown type are left out.
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIG_CLASS = FakeNewsCorpusConfig
    BUILDER_CONFIGS = [  # noqa: RUF012
        FakeNewsCorpusConfig(name="default", version=VERSION, description="fake and reliable"),
        FakeNewsCorpusConfig(
            name="types", version=VERSION, description="all types", label_of={kind: kind for kind in TYPES}
        ),
    ]
    DEFAULT_CONFIG_NAME = "default"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not kwargs.get("data_files"):
            raise DataError("FakeNewsCorpus downloads nothing; give the CSV file's path as data_files.")
        super().__init__(*args, **kwargs)
        validation, test = self.config.validation_fraction, self.config.test_fraction
        if min(validation, test) <= 0 or validation + test >= 1:
            raise DataError(
                f"validation_fraction {validation} and test_fraction {test} must be positive and sum below 1."
            )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Articles labelled by the kind of site that they come from.",
            homepage="https://github.com/several27/FakeNewsCorpus",
            features=datasets.Features(
                {
                    "id": datasets.Value("int64"),
                    "title": datasets.Value("string"),
                    "text": datasets.Value("string"),
                    "label": datasets.ClassLabel(names=list(dict.fromkeys(self.config.label_of.values()))),
                }
            ),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:  # noqa: ARG002
        # One tuple, not a list: `datasets` takes a list for shards that several processes may divide.
        paths = tuple(path for group in self.local_files.values() for path in group)
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"paths": paths, "split": split})
            for split in ("train", "validation", "test")
        ]

    def _generate_examples(self, paths: tuple[Path, ...], split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for file_number, path in enumerate(paths):
            skipped: Counter[str] = Counter()
            kept = 0
            for row, record in read_csv(path, skipped=skipped):
                missing = [name for name in _NEEDED if name not in record]
                if missing:
                    raise DataError(
                        f"{path} lacks the column {', '.join(missing)}; check that it is the corpus."
                    )
                label = self.config.label_of.get(record["type"])
                if label is None:
                    continue
                if not record["id"].isdecimal():  # a row torn apart by a line break still has all its columns
                    skipped["an id that is no number"] += 1
                    continue
                if not (record["content"].strip() or record["title"].strip()):
                    skipped["neither title nor content"] += 1
                    continue
                kept += 1
                if self._split_of(record) == split:
                    example = {"id": int(record["id"]), "title": record["title"], "text": record["content"]}
                    yield f"{file_number}-{row}", example | {"label": label}
            if skipped:
                reasons = ", ".join(f"{count} with {reason}" for reason, count in skipped.most_common())
                logger.warning("%s: skipped malformed rows: %s.", path, reasons)
            if not kept:
                types = ", ".join(self.config.label_of)
                raise DataError(f"{path} has no usable row of the types {types}; check the file or label_of.")

    def _split_of(self, record: dict[str, str]) -> str:
        key = folded_key(record["content"]) or record["url"].encode()
        digest = blake2b(key, digest_size=8, salt=str(self.config.seed).encode()[:16]).digest()
        share = int.from_bytes(digest, "big") / 2**64
        if share < self.config.test_fraction:
            return "test"
        return (
            "validation" if share < self.config.test_fraction + self.config.validation_fraction else "train"
        )
