"""Stage a dataset of this package for `datasets.load_dataset`: Parquet splits and a card."""

from pathlib import Path

import datasets
from huggingface_hub import DatasetCard, DatasetCardData

from glove_lstm.data.builder import NewsBuilder
from glove_lstm.publishing.data_notes import DATA_NOTES

_CARD = """\
---
{{ card_data }}
---

# {{ notes.title }}

Splits of `{{ builder.dataset_name }}` (config `{{ builder.config.name }}`) as glove-lstm makes them from
{{ builder.source }}.

```python
from datasets import load_dataset

data = load_dataset("{{ repo_id }}")
```

| split | rows |
|---|---|
{% for split, rows in rows.items() -%}
| {{ split }} | {{ "{:,}".format(rows) }} |
{% endfor %}
## Known leaks and duplicates

{{ notes.known }}

## Rights

The texts belong to their authors; under which licence they may be shared is unknown. Publish them only where you may.

## Citation

```bibtex
{{ notes.bibtex }}
```
"""


def stage_dataset(builder: NewsBuilder, folder: Path, repo_id: str) -> None:
    """Write into a new folder exactly the files that a push sends.

    Raises:
        DataError: The data cannot be read.
    """
    builder.download_and_prepare()
    splits: datasets.DatasetDict = builder.as_dataset()
    (folder / "data").mkdir(parents=True)
    for split, rows in splits.items():
        # load_dataset recognises the splits by these names; the Parquet metadata hold the labels.
        rows.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    notes = DATA_NOTES[builder.dataset_name]
    card = DatasetCard.from_template(
        DatasetCardData(
            language="en",
            license="unknown",
            task_categories=["text-classification"],
            tags=["fake-news"],
            pretty_name=notes.title,
        ),
        template_str=_CARD,
        notes=notes,
        builder=builder,
        repo_id=repo_id,
        rows={split: len(rows) for split, rows in splits.items()},
    )
    card.save(folder / "README.md")
