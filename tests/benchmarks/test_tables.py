"""benchmarks.tables and benchmarks.few_labels_tables: the arithmetic of the tables."""

import json

from benchmarks import few_labels_tables


def cells(table):
    """The cells of a Markdown table, without the line below its head."""
    head, _, *lines = table.splitlines()
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in (head, *lines)]


def row(right, log_loss, seconds, megabytes):
    return {
        "accuracy": right.count("1") / len(right),
        "right": right,
        "log_loss": log_loss,
        "cpu_seconds": seconds,
        "megabytes": megabytes,
        "made_by": {"commit": "0123abcd", "date": "2026-12-01"},
    }


# Of ten test texts; the tasks are not in the order of the table.
FEW_LABELS = {
    "glove": "6B.50d",
    "trec-1000": {"0": {"setfit": row("1111111110", 0.5, 900, 90)}},
    "trec-100": {
        "0": {
            "setfit": row("1111111111", 0.1, 100, 90) | {"ece": 0.02},
            "tfidf_svc": row("1110000000", 1.0, 1, 0.26),
        },
        "1": {"setfit": row("1111111111", 0.3, 300, 90) | {"ece": 0.05}},
        "2": {"setfit": row("1111111111", 0.8, 140, 90) | {"ece": 0.08}},
    },
    "sst2-100": {
        "0": {"tfidf_svc": row("1111100000", 0.6, 2, 0.34) | {"ece": 0.1}},
        "1": {"tfidf_svc": row("1111111000", 0.4, 4, 0.36)},
    },
}


def test_few_labels_summary():
    """Means of the drawings; megabytes are the median of all rows of a model."""
    assert cells(few_labels_tables.few_labels_summary(FEW_LABELS, {"tfidf_svc": 70_000.4})) == [
        ["", "SST-2", "TREC", "MB", "texts/s"],
        ["linear SVC, words", "0.600", "(0.300)", "0.3", "70,000"],
        ["SetFit on MiniLM", "", "1.000", "90.0", ""],
    ]
    assert cells(few_labels_tables.more_labels_summary(FEW_LABELS)) == [
        ["", "TREC, 1,000"],
        ["SetFit on MiniLM", "0.900"],
    ]


def test_few_labels_table():
    """Accuracy is of all drawings, log loss their mean, seconds the most of one: it embeds all texts."""
    heads, *lines = cells(few_labels_tables.few_labels_table(FEW_LABELS))
    assert heads[:3] == ["task", "labels", "model"]
    svc, _, setfit, more = lines
    assert [line[:3] for line in lines] == [
        ["sst2", "100", "`tfidf_svc`"],
        ["trec", "100", "`tfidf_svc`"],
        ["trec", "100", "`setfit`"],
        ["trec", "1,000", "`setfit`"],
    ]
    assert svc[3] == "0.600 (0.000 to 1.000)"
    assert svc[4:] == ["0.500 0.700", "0.500", "", "4", "0123abcd, 2026-12-01"]
    assert setfit[3:-1] == ["1.000 (1.000 to 1.000)", "1.000 1.000 1.000", "0.400", "0.050", "300"]
    assert more[4:] == ["0.900", "0.500", "", "900", "0123abcd, 2026-12-01"]


def test_the_readme_has_few_and_all_labels() -> None:
    accuracy = {"sst2": {"tfidf_svc_cased_chars": {"accuracy": {"mean": 0.8, "folds": [0.9, 0.7]}}}}
    few_labels = json.loads(json.dumps(FEW_LABELS).replace("tfidf_svc", "tfidf_svc_cased_chars"))
    all_labels = {"glove": "x", "trec-5452": {"0": {"setfit": row("1111111110", 0.2, 9, 90)}}}
    table = few_labels_tables.readme_table(few_labels, all_labels, accuracy, {"setfit": 25.0})
    heads, svc, setfit = cells(table)
    assert heads[:5] == ["", "SST-2, 100", "all", "TREC, 100", "all"]
    assert svc[:5] == ["linear SVC, words and characters", "**0.600**", "**0.900**", "(0.300)", ""]
    assert setfit[1:5] == ["", "", "**1.000**", "**0.900**"]
    assert [svc[-1], setfit[-1]] == ["", "25"]
