"""Two models: one whose validation texts fit the calibration, and one of all texts."""

import numpy as np
import pandas as pd
import pytest
import torch
from estimator_news import arguments
from support import QUICK, SMALL, write_articles

from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError
from glove_lstm.evaluation.run_metrics import add_baselines, run_metrics
from glove_lstm.publishing.checkpoint_folder import save_result
from glove_lstm.training.arguments import make_recipe
from glove_lstm.training.calibration import fit_scales
from glove_lstm.training.fit import fit
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.resuming import FIRST_MODEL, prepare_output
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.training_texts import hash_texts

TINY = {**arguments(SMALL), **arguments(QUICK)}


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    """200 articles each: texts and their labels."""
    folder = tmp_path_factory.mktemp("refit")
    rows = {}
    for seed, name in enumerate(("train", "test", "given")):
        path = write_articles(folder / f"{name}.csv", 200, seed)
        rows[name] = load_splits(train_file=path).rows("train")
    return rows


@pytest.fixture
def train(news, glove_file, tmp_path):
    """Train on the same texts with other arguments."""

    def train(validation=0.1, **values):
        values = {"output_dir": str(tmp_path / "out"), "save_strategy": "no", **TINY, **values}
        recipe = make_recipe(glove=str(glove_file), **values)
        rows = news["train"]
        return fit(rows.texts, rows.labels, validation, recipe=recipe)

    return train


@pytest.fixture
def test_texts(news):
    rows = news["test"]
    return LabelledTexts.of(rows.texts, rows.labels, ["FAKE", "REAL"])


def was_trained_on(result, texts):
    return np.isin(hash_texts(texts), result.training_texts.trained)


def test_the_second_model_has_all_texts_and_the_calibration_of_the_first(
    train, test_texts, tmp_path
):
    first = train(refit=False)
    assert first.about["rows"] == {"train": 180, "validation": 20}
    assert fit_scales(first.validation_logits[:, None], first.validation.labels) == [
        pytest.approx(1, rel=1e-3)  # are calibrated
    ]
    second = train()
    assert (len(second.train), len(second.validation), len(second.measured_train)) == (200, 20, 180)
    assert second.about["rows"] == {"train": 180, "validation": 20, "all": 200}
    assert was_trained_on(second, second.validation.texts).all()
    assert not was_trained_on(first, first.validation.texts).any()
    assert second.calibration == first.calibration
    assert second.ngram_c == first.ngram_c
    assert second.model.config.temperature == first.calibration.temperature != 1
    np.testing.assert_array_equal(second.validation_logits, first.validation_logits)
    weights = [result.model.classifier.weight for result in (first, second)]
    assert not torch.equal(*weights)
    assert any("eval_loss" in entry for entry in second.history)

    metrics = run_metrics(second, test_texts)
    assert (metrics["validation"]["rows"], metrics["test"]["seen"]) == (20, 0)
    assert metrics["validation"]["seen"] == 0  # of the first model
    assert run_metrics(second, second.train)["test"]["seen"] == 200
    add_baselines(metrics, second, test_texts)
    assert list(metrics["baselines"]["majority"]) == ["test"]

    metrics["about"]["data"] = "invented articles"
    (tmp_path / "plots").mkdir()
    for name in ("light.onnx", "plots/confusion.png", "plots/own.png"):
        (tmp_path / name).touch()
    save_result(second, metrics, tmp_path, test_texts)
    assert not (tmp_path / "light.onnx").exists()  # of an earlier model
    plots = {path.name: path.stat().st_size > 0 for path in (tmp_path / "plots").iterdir()}
    assert plots == {
        "curves.png": True,
        "confusion.png": True,
        "reliability.png": True,
        "own.png": False,
    }
    assert "trained on 200 texts" in (tmp_path / "README.md").read_text()


def test_one_model_where_validation_texts_choose_the_epoch(train):
    for values in ({"load_best_model_at_end": True}, {"early_stopping_patience": 1}):
        result = train(save_strategy="epoch", **values)
        assert "all" not in result.about["rows"]
        assert not was_trained_on(result, result.validation.texts).any()


def test_one_model_where_validation_texts_are_given(train, news):
    given = news["given"]
    result = train((given.texts, given.labels))
    assert "all" not in result.about["rows"]
    assert (len(result.train), len(result.validation)) == (200, 200)
    assert not was_trained_on(result, given.texts).any()
    assert run_metrics(result)["validation"]["seen"] == 0
    # Validation texts that are training texts, too, are counted.
    known = news["train"]
    copied = train((known.texts, known.labels), max_steps=1)
    assert run_metrics(copied)["validation"]["seen"] == 200


def test_early_stopping_ends_the_training_and_keeps_the_best_model(train):
    result = train(
        early_stopping_patience=1, num_train_epochs=30, learning_rate=0.5, save_strategy="epoch"
    )
    epochs = [entry["epoch"] for entry in result.history if "eval_loss" in entry]
    losses = [entry["eval_loss"] for entry in result.history if "eval_loss" in entry]
    assert epochs[-1] < 30
    assert result.about["epochs"] == epochs[-1]
    assert result.about["best_step"] is not None
    assert min(losses[:-1]) <= losses[-1]


@pytest.mark.parametrize(("saves", "resumed_models"), [(2, 2), (6, 1)])
def test_an_interrupted_run_continues_and_a_finished_first_model_is_kept(
    train, tmp_path, monkeypatch, saves, resumed_models
):
    """After a stop at a save of a checkpoint; each model saves four."""
    steps, trained = [], []
    save, run = GloveLstmTrainer._save_checkpoint, GloveLstmTrainer.train

    def stopped_save(trainer, *args):
        steps.append(trainer.state.global_step)
        if len(steps) == saves:
            raise KeyboardInterrupt
        save(trainer, *args)

    def counted(trainer, *args):
        trained.append(trainer.args.output_dir)
        return run(trainer, *args)

    whole = train(save_strategy="epoch", output_dir=str(tmp_path / "whole"))
    out = tmp_path / "out"
    monkeypatch.setattr(GloveLstmTrainer, "_save_checkpoint", stopped_save)
    with pytest.raises(KeyboardInterrupt):
        train(save_strategy="epoch", output_dir=str(out))
    monkeypatch.setattr(GloveLstmTrainer, "train", counted)
    for resume in (True, str(out)):
        if resume is not True:  # the whole run is there now
            [resume] = map(str, out.glob("checkpoint-*"))
        trained.clear()
        resumed = train(save_strategy="epoch", output_dir=str(out), resume_from_checkpoint=resume)
        assert len(trained) == (resumed_models if resume is True else 1)
        for name, value in whole.model.state_dict().items():
            assert torch.equal(resumed.model.state_dict()[name], value), name
        assert resumed.calibration == whole.calibration
        np.testing.assert_array_equal(resumed.validation_logits, whole.validation_logits)
        assert resumed.about["resumed"]
    assert (out / FIRST_MODEL / "finished.json").is_file()


def test_a_first_model_of_other_texts_is_refused(train, tmp_path):
    train(save_strategy="epoch")
    with pytest.raises(
        DataError, match=r"finished.json belongs to other validation texts or labels"
    ):
        train(save_strategy="epoch", seed=1, resume_from_checkpoint=True)  # as many, but others
    (tmp_path / "out" / FIRST_MODEL / "finished.json").write_text("{}")
    with pytest.raises(DataError, match=r"finished.json is damaged"):
        train(save_strategy="epoch", resume_from_checkpoint=True)
    [other] = (tmp_path / "out").glob("checkpoint-*")
    for output_dir, checkpoint in (("out", "nowhere"), ("elsewhere", str(other))):
        with pytest.raises(DataError, match=r"no checkpoint in .*; give OUTPUT_DIR/checkpoint-N"):
            train(output_dir=str(tmp_path / output_dir), resume_from_checkpoint=checkpoint)


def test_a_new_run_removes_the_checkpoints_of_an_earlier_one(train, tmp_path, monkeypatch):
    out = tmp_path / "out"
    train(save_strategy="epoch")
    [start] = map(str, out.glob("checkpoint-*"))
    with pytest.raises(DataError, match=r"model_name_or_path is .* removes; give another output"):
        prepare_output(out, None, start)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(GloveLstmTrainer, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(seed=1)
    assert not list(out.glob("**/checkpoint-*"))
    assert not (out / FIRST_MODEL / "finished.json").exists()


def test_a_training_that_diverges_is_told(train):
    with pytest.raises(DataError, match=r"diverged: .*; lower learning_rate"):
        train(learning_rate=1e30, refit=False)


def test_texts_that_measure_nothing(train):
    result = train(None)
    assert result.validation is None
    metrics = run_metrics(result)
    add_baselines(metrics, result)
    assert "baselines" not in metrics
    assert result.calibration.temperature == 1


def test_nothing_that_the_caller_gave_is_changed(news, glove_file, tmp_path):
    rows = news["train"]
    texts, labels = list(rows.texts), list(rows.labels)
    recipe = make_recipe(glove=str(glove_file), **TINY, output_dir=str(tmp_path))
    before = repr(recipe)
    states = torch.get_num_threads()
    fit(texts, labels, recipe=recipe, sample_weight=np.ones(200))
    assert repr(recipe) == before
    assert (texts, labels) == (rows.texts, rows.labels)
    assert torch.get_num_threads() == states


def test_what_cannot_be_trained_is_told(news, glove_file, tmp_path):
    rows = news["train"]
    texts, labels = rows.texts, rows.labels
    recipe = make_recipe(glove=str(glove_file), **TINY, output_dir=str(tmp_path))
    lists = [[label] for label in labels]
    for given, options, sentence in (
        (([], []), {}, "There are no training texts"),
        ((texts, ["REAL"] * 200), {}, "All texts have the label 'REAL'"),
        ((texts, labels), {"validation": ([], [])}, "There are no validation texts"),
        ((texts, labels), {"validation": (texts, lists)}, "must have one label each"),
        ((texts, labels), {"validation_by": "publisher"}, "validation_by must be text or source"),
    ):
        with pytest.raises(DataError, match=sentence):
            fit(*given, recipe=recipe, **options)


def test_columns_of_a_shuffled_data_frame(news, glove_file, tmp_path):
    """Rows are taken by their position, not by their index."""
    rows = news["train"]
    table = pd.DataFrame({"text": rows.texts, "label": rows.labels}).sample(frac=1, random_state=0)
    recipe = make_recipe(
        glove=str(glove_file), **TINY, output_dir=str(tmp_path), save_strategy="no", max_steps=1
    )
    result = fit(table["text"], table["label"], recipe=recipe)
    assert result.train.texts == table["text"].tolist()
    names = result.train.label_names
    assert [names[label] for label in result.train.labels] == table["label"].tolist()


def test_values_of_numpy_and_words_for_booleans(glove_file):
    assert make_recipe(hidden_size=np.int64(32)).model.hidden_size == 32
    with pytest.raises(DataError, match="refit must be True or False, not 'False'"):
        make_recipe(refit="False")


def test_the_rate_of_word_vectors_follows_the_learning_rate():
    ordinary = make_recipe().sized(10_000, has_validation=True).training
    slow = make_recipe(learning_rate=1e-4).sized(10_000, has_validation=True).training
    ratio = ordinary.embedding_learning_rate / ordinary.learning_rate
    assert slow.embedding_learning_rate == pytest.approx(1e-4 * ratio)
    given = make_recipe(learning_rate=1e-4, embedding_learning_rate=1e-2)
    assert given.sized(10_000, has_validation=True).training.embedding_learning_rate == 1e-2


def test_baselines_of_a_fine_tuned_model_have_its_numbers_of_labels(news, glove_file, tmp_path):
    """The checkpoint has a label more than the texts; numbers of labels are those of the model."""
    rows = news["train"]
    settings = {**TINY, "output_dir": str(tmp_path / "run"), "save_strategy": "no"}
    names = ["A", "FAKE", "REAL"]
    recipe = make_recipe(glove=str(glove_file), **settings)
    start = fit(rows.texts, rows.labels, recipe=recipe, label_names=names)
    metrics = run_metrics(start)
    metrics["about"] |= {"data": "invented articles", "validation_by": "text"}
    save_result(start, metrics, tmp_path / "start", None)
    tuning = make_recipe(
        model_name_or_path=str(tmp_path / "start"),
        **{"output_dir": str(tmp_path / "run"), "save_strategy": "no", **arguments(QUICK)},
    )
    tuned = fit(rows.texts, rows.labels, recipe=tuning)
    metrics = run_metrics(tuned)
    add_baselines(metrics, tuned)
    assert tuned.model.config.label_names == names
    assert metrics["baselines"]["tfidf_svc"]["validation"]["accuracy"] > 0.9
