"""metrics.json, and what it tells of the data."""

import pytest
from support import ROOT

from glove_lstm.evaluation.metrics_file import MetricsFile, describes_news


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("fake_or_real_news (default) from news.csv", True),
        ("someone/fake_or_real_news", True),
        ("liar (two) from liar.zip", True),
        ("liar (six) from liar.zip", False),
        ("train reviews.csv", False),
        ("someone/familiar (two)", False),
    ],
)
def test_the_data_and_not_the_labels_tell_that_a_model_is_about_news(description, expected):
    assert describes_news(description) is expected


def test_the_model_of_this_repository_is_about_news():
    metrics = MetricsFile.read(ROOT / "hub")
    assert metrics is not None
    assert describes_news(metrics.data)
