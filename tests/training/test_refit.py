"""Two models: one whose validation texts fit the calibration, and one of all texts."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from estimator_news import arguments
from safetensors.torch import load_file
from support import QUICK, SMALL, remove_last_checkpoint, write_articles

from glove_lstm.data.loading import load_splits
from glove_lstm.data.training_texts import hash_texts
from glove_lstm.errors import DataError
from glove_lstm.evaluation.run_metrics import add_baselines, run_metrics
from glove_lstm.training.arguments import make_recipe
from glove_lstm.training.calibration import fit_scales
from glove_lstm.training.fit import fit
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.resuming import FIRST_MODEL, prepare_output

TINY = {**arguments(SMALL), **arguments(QUICK), "num_train_epochs": 2, "save_strategy": "no"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Texts and labels of 120 articles each: train, test, and given for validation."""
    folder = tmp_path_factory.mktemp("refit")
    rows = {}
    for seed, name in enumerate(("train", "test", "given")):
        path = write_articles(folder / f"{name}.csv", 120, seed)
        rows[name] = load_splits(train_file=path).rows("train")
    return rows


@pytest.fixture(scope="module")
def train(tables, glove_file):
    """A function (output_dir, validation, arguments) that trains on the same texts."""

    def train(output_dir, validation=0.1, **values):
        options = {**TINY, **values, "output_dir": str(output_dir)}
        recipe = make_recipe(glove=str(glove_file), **options)
        rows = tables["train"]
        return fit(rows.texts, rows.labels, validation, recipe=recipe)

    return train


@pytest.fixture(scope="module")
def first_alone(train, tmp_path_factory):
    return train(tmp_path_factory.mktemp("first"), refit=False)


@pytest.fixture(scope="module")
def two_models(train, tmp_path_factory):
    return train(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def labelled_test(tables):
    rows = tables["test"]
    return LabelledTexts.of(rows.texts, rows.labels, ["FAKE", "REAL"])


def was_trained_on(result, texts):
    return np.isin(hash_texts(texts), result.training_texts.trained)


def test_the_first_model_does_not_learn_from_the_validation_texts(first_alone):
    assert first_alone.about["rows"] == {"train": 108, "validation": 12}
    assert not was_trained_on(first_alone, first_alone.validation.texts).any()
    # Its logits are calibrated: nothing is left to scale.
    logits = first_alone.validation_logits[:, None]
    [scale] = fit_scales(logits, first_alone.validation.labels)
    assert scale == pytest.approx(1, rel=1e-3)


def test_the_second_model_has_all_texts_and_the_calibration_of_the_first(first_alone, two_models):
    assert len(two_models.train) == 120
    assert len(two_models.validation) == 12
    assert len(two_models.first_train) == 108
    assert two_models.about["rows"] == {"train": 108, "validation": 12, "all": 120}
    assert was_trained_on(two_models, two_models.validation.texts).all()

    assert two_models.calibration == first_alone.calibration
    assert two_models.ngram_c == first_alone.ngram_c
    assert two_models.model.config.temperature == first_alone.calibration.temperature != 1
    np.testing.assert_array_equal(two_models.validation_logits, first_alone.validation_logits)
    assert any("eval_loss" in log for log in two_models.history)
    first_weight = first_alone.model.classifier.weight
    assert not torch.equal(two_models.model.classifier.weight, first_weight)


def test_metrics_of_two_models(two_models, labelled_test):
    metrics = run_metrics(two_models, labelled_test)
    assert metrics["validation"]["rows"] == 12
    assert metrics["validation"]["seen"] == 0  # by the first model
    assert metrics["test"]["seen"] == 0
    on_training_texts = run_metrics(two_models, two_models.train)
    assert on_training_texts["test"]["seen"] == 120
    add_baselines(metrics, two_models, labelled_test)
    assert list(metrics["baselines"]["majority"]) == ["test"]


def test_baselines_learn_nothing_from_the_validation_texts(two_models):
    """Each text is a word of its own, so that its label can only be known from the text itself."""
    words = [f"word{number}" for number in range(120)]
    labels = np.random.default_rng(0).choice(["FAKE", "REAL"], 120).tolist()
    texts = LabelledTexts.of(words, labels, ["FAKE", "REAL"])
    result = replace(
        two_models,
        train=texts,
        first_train=texts.select(np.arange(60)),
        validation=texts.select(np.arange(60, 120)),
    )
    metrics = {}
    add_baselines(metrics, result)
    baseline = metrics["baselines"]["tfidf_svc"]
    assert list(baseline) == ["validation"]
    assert baseline["validation"]["accuracy"] < 0.7


def test_one_model_where_validation_texts_are_given(train, tables, tmp_path):
    given = tables["given"]
    result = train(tmp_path, (given.texts, given.labels), max_steps=1)
    assert "all" not in result.about["rows"]
    assert len(result.train) == len(result.validation) == 120
    assert not was_trained_on(result, given.texts).any()
    assert run_metrics(result)["validation"]["seen"] == 0

    known = tables["train"]
    result = train(tmp_path, (known.texts, known.labels), max_steps=1)
    assert run_metrics(result)["validation"]["seen"] == 120


def test_early_stopping_ends_the_training_and_keeps_the_best_model(train, tmp_path):
    stopping = {"early_stopping_patience": 1, "num_train_epochs": 30, "learning_rate": 0.5}
    result = train(tmp_path, **stopping, save_strategy="epoch")
    # There is no second model, because validation texts choose the epoch.
    assert "all" not in result.about["rows"]
    assert not was_trained_on(result, result.validation.texts).any()

    evaluations = [entry for entry in result.history if "eval_loss" in entry]
    last_epoch = evaluations[-1]["epoch"]
    assert last_epoch < 30
    assert result.about["epochs"] == last_epoch
    best = min(evaluations, key=lambda entry: entry["eval_loss"])
    assert best["epoch"] < last_epoch
    assert result.about["best_step"] == best["step"]
    saved = load_file(tmp_path / f"checkpoint-{best['step']}" / "model.safetensors")
    assert torch.equal(result.model.classifier.weight, saved["classifier.weight"])


@pytest.fixture(scope="module")
def uninterrupted(train, tmp_path_factory):
    """The result and the output folder of a run of two models, with two checkpoints of each."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return train(folder, save_strategy="epoch", save_total_limit=2), folder


@pytest.mark.parametrize("interrupted", ["first model", "final model", "named checkpoint"])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    train, uninterrupted, tmp_path, interrupted
):
    whole, whole_folder = uninterrupted
    folder = tmp_path / "run"
    shutil.copytree(whole_folder, folder)
    record = folder / FIRST_MODEL / "finished.json"
    if interrupted == "first model":
        record.unlink()
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
        remaining = remove_last_checkpoint(folder / FIRST_MODEL)
        finished = [remaining / "trainer_state.json"]
    else:
        remaining = remove_last_checkpoint(folder)
        finished = [record, remaining / "trainer_state.json"]
    written = [path.stat().st_mtime_ns for path in finished]
    resume = True
    if interrupted == "named checkpoint":
        resume = str(remaining)

    options = {"save_strategy": "epoch", "save_total_limit": 2}
    resumed = train(folder, **options, resume_from_checkpoint=resume)
    assert resumed.about["resumed"]
    assert [path.stat().st_mtime_ns for path in finished] == written  # not computed again
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
    assert resumed.calibration == whole.calibration
    np.testing.assert_array_equal(resumed.validation_logits, whole.validation_logits)


def test_a_record_of_another_run_is_refused(train, uninterrupted, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(uninterrupted[1], out)
    with pytest.raises(DataError, match=r"finished.json belongs to other validation texts"):
        train(out, seed=1, resume_from_checkpoint=True)  # as many, but others
    (out / FIRST_MODEL / "finished.json").write_text("{}")
    with pytest.raises(DataError, match=r"finished.json is damaged"):
        train(out, resume_from_checkpoint=True)


def test_a_checkpoint_of_another_folder_is_refused(train, uninterrupted, tmp_path):
    folder = uninterrupted[1]
    checkpoint = str(next(folder.glob("checkpoint-*")))
    for output_dir, resume in ((folder, "nowhere"), (tmp_path, checkpoint)):
        with pytest.raises(DataError, match=r"no checkpoint in .*; give OUTPUT_DIR/checkpoint-N"):
            train(output_dir, resume_from_checkpoint=resume)


def test_a_new_run_removes_the_checkpoints_of_an_earlier_one(train, uninterrupted, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(uninterrupted[1], out)
    (out / "checkpoint-best").mkdir()  # not the Trainer's
    checkpoint = str(next(out.glob("checkpoint-*[0-9]")))
    with pytest.raises(DataError, match=r"model_name_or_path is .* removes; give another output"):
        prepare_output(out, None, checkpoint)
    train(out, max_steps=1, refit=False)
    kept = [path.name for path in out.glob("**/checkpoint-*")]
    assert kept == ["checkpoint-best"]
    assert not (out / FIRST_MODEL / "finished.json").exists()


def test_a_training_that_diverges_ends_with_advice(train, tmp_path):
    with pytest.raises(DataError, match=r"diverged: .*; lower learning_rate"):
        train(tmp_path, learning_rate=1e30, refit=False)


def test_without_validation_texts_nothing_is_calibrated_or_measured(train, tmp_path):
    result = train(tmp_path, None, max_steps=1)
    assert result.validation is None
    assert result.calibration.temperature == 1
    metrics = run_metrics(result)
    add_baselines(metrics, result)
    assert "baselines" not in metrics


def test_nothing_that_the_caller_gave_is_changed(tables, glove_file, tmp_path):
    rows = tables["train"]
    texts = list(rows.texts)
    labels = list(rows.labels)
    recipe = make_recipe(glove=str(glove_file), **TINY, max_steps=1, output_dir=str(tmp_path))
    recipe_before = repr(recipe)
    threads_before = torch.get_num_threads()
    fit(texts, labels, recipe=recipe, sample_weight=np.ones(120))
    assert repr(recipe) == recipe_before
    assert texts == rows.texts
    assert labels == rows.labels
    assert torch.get_num_threads() == threads_before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"texts": [], "labels": []}, "There are no training texts"),
        ({"labels": ["REAL"] * 120}, "All texts have the label 'REAL'"),
        ({"validation": (["a text"], [["REAL"]])}, "must have one label each"),
        ({"validation_by": "publisher"}, "validation_by must be text or source"),
    ],
    ids=["no texts", "one label", "lists", "publisher"],
)
def test_what_cannot_be_trained_is_refused(tables, glove_file, tmp_path, options, sentence):
    rows = tables["train"]
    recipe = make_recipe(glove=str(glove_file), **TINY, output_dir=str(tmp_path))
    arguments_of_fit = {"texts": rows.texts, "labels": rows.labels, **options}
    with pytest.raises(DataError, match=sentence):
        fit(recipe=recipe, **arguments_of_fit)


def test_the_rate_of_word_vectors_follows_the_learning_rate():
    def sized(**values):
        return make_recipe(**values).sized(10_000, has_validation=True).training

    ordinary = sized()
    ratio = ordinary.embedding_learning_rate / ordinary.learning_rate
    lower = sized(learning_rate=1e-4)
    assert lower.embedding_learning_rate == pytest.approx(1e-4 * ratio)
    given = sized(learning_rate=1e-4, embedding_learning_rate=1e-2)
    assert given.embedding_learning_rate == 1e-2
