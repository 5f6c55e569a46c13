"""A stand-in for the Hub's datasets, beside the fixtures of files."""

from unittest import mock

import datasets
import pyarrow as pa
import pytest
from file_fixtures import archives, file, private_cache, server  # noqa: F401 - fixtures

FEATURES = datasets.Features(
    review=datasets.Value("string"),
    kind=datasets.ClassLabel(names=["x", "y"]),  # is not read
    label=datasets.ClassLabel(names=["pos", "neg"]),
)


@pytest.fixture
def on_the_hub(monkeypatch):
    """A function that puts splits of reviews, given by the numbers of their labels, on the Hub."""

    def put(**splits):
        loaded = {}
        for name, labels in splits.items():
            columns = {
                "review": [f"{name} {row}" for row in range(len(labels))],
                "kind": [0] * len(labels),
                "label": labels,
            }
            table = pa.table(columns, schema=FEATURES.arrow_schema)
            loaded[name] = datasets.Dataset(table, info=datasets.DatasetInfo(features=FEATURES))
        load = mock.Mock(return_value=datasets.DatasetDict(loaded))
        monkeypatch.setattr(datasets, "load_dataset", load)
        return load

    return put
