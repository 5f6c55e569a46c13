"""A data set of ours on its way out: Parquet splits and a card, as `datasets.load_dataset` reads them."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData

from glove_lstm.data.builder import NewsBuilder
from glove_lstm.data.download import git_blob_id
from glove_lstm.data.errors import DataError
from glove_lstm.data.fake_or_real_news import BLOB_ID
from glove_lstm.data.loading import BUILDERS
from glove_lstm.publishing.data_notes import DATA_NOTES
from glove_lstm.publishing.publishing import check_private

_SHARD_BYTES = 500 << 20
_CARD = """\
---
{{ card_data }}
---

# {{ title }}

The splits of `{{ name }}` (config `{{ config }}`) as glove-lstm makes them. {{ origin }}

```python
from datasets import load_dataset

data = load_dataset("{{ repo_id }}")
```

| split | rows |
|---|---|
{{ rows }}

## Known leaks and duplicates

{{ known }}

## Rights

The texts belong to those who wrote them; under what licence they may be shared is not known. Publish them only where
you may.

## Citation

```bibtex
{{ bibtex }}
```
"""


@contextmanager
def staged_dataset(
    name: str, config: str | None, data_files: str | None, data_dir: str | None, repo_id: str
) -> Iterator[Path]:
    """A temporary folder with exactly the files that a push sends, read back once.

    Raises:
        DataError: There is no such data set, or its data cannot be read.
    """
    if name not in BUILDERS:
        raise DataError(f"--dataset must be one of {', '.join(BUILDERS)}, not {name!r}.")
    builder = BUILDERS[name](config_name=config, data_files=data_files, data_dir=data_dir)
    builder.download_and_prepare()
    splits: datasets.DatasetDict = builder.as_dataset()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "staged"
        for split, rows in splits.items():
            _write(rows, str(split), folder / "data")
        card = _card(name, builder, splits, repo_id)
        check_private(str(card).encode(), "The data set's card")
        card.save(folder / "README.md")
        _check_loads(folder, splits, Path(scratch) / "cache")
        yield folder


def _write(rows: datasets.Dataset, split: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shards = max(1, math.ceil(rows.data.nbytes / _SHARD_BYTES))
    for index in range(shards):
        part = rows.shard(shards, index, contiguous=True)
        part.to_parquet(folder / f"{split}-{index:05d}-of-{shards:05d}.parquet")


def _card(name: str, builder: NewsBuilder, splits: datasets.DatasetDict, repo_id: str) -> DatasetCard:
    notes = DATA_NOTES[name]
    data = DatasetCardData(
        language="en",
        license="unknown",
        task_categories=["text-classification"],
        tags=["fake-news"],
        pretty_name=notes.title,
    )
    files = [{"split": str(split), "path": f"data/{split}-*"} for split in splits]
    MetadataConfigs({"default": {"data_files": files}}).to_dataset_card_data(data)
    features = next(iter(splits.values())).features
    DatasetInfosDict({"default": datasets.DatasetInfo(features=features)}).to_dataset_card_data(data)
    return DatasetCard.from_template(
        data,
        template_str=_CARD,
        title=notes.title,
        name=name,
        config=builder.config.name,
        origin=_origin(builder),
        repo_id=repo_id,
        rows="\n".join(f"| {split} | {len(rows):,} |" for split, rows in splits.items()),
        known=notes.known,
        bibtex=notes.bibtex,
    )


def _origin(builder: NewsBuilder) -> str:
    """What was read, without this machine's folders."""
    local = [path for paths in builder.local_files.values() for path in paths]
    known = builder.dataset_name == "fake_or_real_news"  # of the others nobody published a checksum
    if not local:
        return f"Made from {builder.source}{', verified' if known else ''}."
    names = ", ".join(f"`{path.name}`" for path in local)
    if known:
        same = git_blob_id(local[0]) == BLOB_ID
        return f"Made from the local file {names}, {'the' if same else 'which is not the'} canonical one."
    return f"Made from the local file{'s' if len(local) > 1 else ''} {names}."


def _check_loads(folder: Path, splits: datasets.DatasetDict, cache: Path) -> None:
    read: Any = datasets.load_dataset(str(folder), cache_dir=str(cache))
    for split, rows in splits.items():
        if read[split].features != rows.features or len(read[split]) != len(rows):
            raise DataError(f"The split {split} did not come back as it was written: report this.")
