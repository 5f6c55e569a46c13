"""A model that learns from teachers: what they may be, what they are asked, and what the model takes from them."""

import json
import shutil

import numpy as np
import pytest
import torch
from estimator_news import TINY as ESTIMATOR
from estimator_news import arguments
from hub_server import HubServer
from hypothesis import given
from hypothesis import strategies as st
from support import QUICK, SMALL, assert_refused, run_client, run_here, succeed, write_table
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from glove_lstm import GloveLstmClassifier, Teacher
from glove_lstm.commands import evaluate
from glove_lstm.commands import train as train_command
from glove_lstm.data.glove import load_glove
from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError
from glove_lstm.evaluation.run_metrics import run_metrics
from glove_lstm.publishing.checkpoint_folder import save_result
from glove_lstm.training.arguments import make_recipe
from glove_lstm.training.fit import fit
from glove_lstm.training.teacher_logits import CACHE_NAME, ask
from glove_lstm.training.teachers import LoadedTeacher, load_teacher
from glove_lstm.training.transfer_set import altered_copies, similar_words

TINY = {**arguments(SMALL), **arguments(QUICK)}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def news(articles):
    """160 articles: texts and labels."""
    return load_splits(train_file=articles).rows("train")


@pytest.fixture(scope="module")
def transformer(articles, news, make_once):
    """A small BERT that tells the articles apart, in a folder."""

    def train(folder):
        words = sorted({word for text in news.texts for word in text.lower().split()})
        folder.mkdir()
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, "!", "."]
        (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
        tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=64)
        config = BertConfig(
            vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=64,
            id2label={0: "REAL", 1: "FAKE"}, label2id={"REAL": 0, "FAKE": 1},
        )  # fmt: skip
        torch.manual_seed(0)
        model = BertForSequenceClassification(config)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        inputs = tokenizer(news.texts, padding=True, truncation=True, return_tensors="pt")
        labels = torch.tensor([config.label2id[label] for label in news.labels])
        for _ in range(30):
            model(**inputs, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")

    return make_once("transformer", train)


@pytest.fixture
def distil(glove_file, tmp_path):
    """Train with a teacher."""

    def distil(
        texts, labels, teacher, validation=0.1, *, label_names=None, unlabelled=(), **values
    ):
        values = {"output_dir": str(tmp_path / "out"), "save_strategy": "no", **TINY, **values}
        recipe = make_recipe(glove=str(glove_file), **values)
        return fit(
            texts, labels, validation, recipe=recipe, label_names=label_names, teacher=teacher,
            unlabelled=unlabelled,
        )  # fmt: skip

    return distil


def by_case(texts):
    """Probabilities of LOUD and calm: a text with capitals alone is LOUD."""
    loud = np.array([0.98 if text.split()[0].isupper() else 0.02 for text in texts])
    return np.stack([loud, 1 - loud], axis=1)


class Counting(LoadedTeacher):
    """Knows how often it was asked, and may be interrupted."""

    identity = "counting"

    def __init__(self, stops_after=None):
        self.about = {"name": "counting"}
        self.asked = []
        self.stops_after = stops_after

    def logits(self, texts):
        if self.stops_after is not None and len(self.asked) >= self.stops_after:
            raise KeyboardInterrupt
        self.asked += texts
        return np.array([[len(text), 1.0, 0.0] for text in texts], dtype=np.float32)


@pytest.mark.slow
def test_teacher_and_texts_without_labels_are_enough(distil, news):
    result = distil(
        [], [], by_case, label_names=["LOUD", "calm"], unlabelled=news.texts, num_train_epochs=8
    )
    about = result.about["distillation"]
    assert 10 <= about["held_out"] <= 16
    assert about["agreement"] > 0.9
    assert about["weight_of_labelled_model"] is None
    assert result.about["rows"] == {"train": 0}
    assert result.validation is None
    assert len(result.training_texts.trained) == 160 - about["held_out"]
    assert not any(name.startswith("eval_") for log in result.history for name in log)
    assert result.calibration.temperature != 1
    [score] = torch.softmax(
        result.model(**result.tokenizer([news.texts[0].upper()], return_tensors="pt")).logits, 1
    )
    assert score[0] > 0.5


@pytest.mark.slow
def test_student_goes_on_from_the_labels_and_agrees_with_its_teacher(
    distil, news, transformer, tmp_path
):
    result = distil(news.texts[:100], news.labels[:100], transformer, unlabelled=news.texts[100:])
    about = result.about["distillation"]
    assert about["agreement"] > 0.8
    assert about["held_out"] == len(result.validation) == 10
    [teacher] = about["teachers"]
    assert teacher["name"] == transformer.name
    assert teacher["license"] == "mit"
    assert about["texts"] == 100 + about["copies"] + about["unlabelled"]
    assert about["unlabelled"] == 60
    assert (len(result.train), len(result.measured_train)) == (100, 90)
    assert result.about["rows"] == {"train": 90, "validation": 10, "all": 100}

    result.about["data"] = "articles.csv"
    result.about["validation_by"] = "text"
    save_result(result, run_metrics(result), tmp_path / "saved")
    card = (tmp_path / "saved" / "README.md").read_text(encoding="utf-8")
    assert f"`{transformer.name}` (mit" in card
    assert f"{about['agreement']:.1%}" in card


def test_model_of_the_labels_joins_only_where_it_is_the_better_one(distil, news):
    worse = distil(news.texts, news.labels, guesses, augmented_copies=0)
    assert worse.about["distillation"]["weight_of_labelled_model"] > 0

    known = dict(zip(news.texts, news.labels, strict=True))

    def knows(texts):
        fake = np.array([known.get(text, "REAL") == "FAKE" for text in texts])
        return np.stack([fake, ~fake], axis=1).astype(float)

    better = distil(news.texts, news.labels, knows, augmented_copies=0, num_train_epochs=1)
    assert better.about["distillation"]["weight_of_labelled_model"] is None


def guesses(texts):
    """Probabilities that say nothing, but are sure of it."""
    fake = np.array([len(text) % 2 for text in texts])
    return np.stack([fake, 1 - fake], axis=1).astype(float)


def test_several_teachers_are_weighed(distil, news, transformer):
    result = distil(
        news.texts, news.labels, [transformer, guesses], augmented_copies=1, num_train_epochs=1
    )
    teachers = result.about["distillation"]["teachers"]
    assert [teacher["name"] for teacher in teachers] == [transformer.name, "the function guesses"]
    assert teachers[0]["weight"] > 1.5 * teachers[1]["weight"]


def test_two_models_have_one_target_and_one_calibration(distil, news):
    """The final one learns from all texts; without `refit` there is only the first one."""
    arguments = {"augmented_copies": 1, "num_train_epochs": 1}
    both = distil(news.texts, news.labels, guesses, **arguments)
    first = distil(news.texts, news.labels, guesses, refit=False, **arguments)
    assert both.calibration == first.calibration
    np.testing.assert_array_equal(both.validation_logits, first.validation_logits)
    taught, taught_first = both.about["distillation"], first.about["distillation"]
    for name in ("teachers", "weight_of_labelled_model", "agreement"):
        assert taught[name] == taught_first[name]
    assert (taught["texts"], taught_first["texts"]) == (2 * 160, 2 * len(first.train))
    logits = [
        one.model(**one.tokenizer(news.texts[:1], return_tensors="pt")).logits
        for one in (both, first)
    ]
    assert not torch.equal(*logits)


def test_only_one_model_is_trained_if_most_texts_have_no_label(distil, news):
    more = [f"{text} again {number}" for number, text in enumerate(news.texts)] * 2
    result = distil(
        news.texts, news.labels, guesses, unlabelled=more, augmented_copies=0, num_train_epochs=1
    )
    assert len(result.train) == 144


def test_rows_of_the_same_text_have_the_same_copies():
    texts = [f"one of {number} texts with words of its own" for number in range(4)]
    assert altered_copies(texts[2:3], 5, None) == altered_copies(texts, 5, None)[10:15]


def test_unlabelled_texts_must_be_new(distil, news):
    held_out = news.texts[:40], news.labels[:40]
    with pytest.raises(DataError, match="near duplicates of validation texts"):
        distil([], [], by_case, held_out, label_names=["FAKE", "REAL"], unlabelled=news.texts[:40])


def test_near_duplicates_of_validation_texts_are_left_out(distil, news, caplog):
    held_out = news.texts[:20], news.labels[:20]
    copies = [f"{text} Again" for text in held_out[0] if len(text.split()) > 50]
    assert copies
    result = distil(
        news.texts[20:], news.labels[20:], by_case, held_out,
        unlabelled=[*copies, "a text of its own"], augmented_copies=0, num_train_epochs=1,
    )  # fmt: skip
    assert result.about["distillation"]["unlabelled"] == 1
    assert f"{len(copies)} of {len(copies) + 1} unlabelled texts are left out" in caplog.text


def test_logits_are_those_of_transformers_in_the_order_of_the_texts(transformer, news):
    teacher = load_teacher(transformer, CPU)
    logits = ask(teacher, news.texts, ["FAKE", "REAL"])
    tokenizer = BertTokenizerFast.from_pretrained(transformer)
    model = BertForSequenceClassification.from_pretrained(transformer).eval()
    inputs = tokenizer(news.texts, padding=True, truncation=True, return_tensors="pt")
    expected = model(**inputs).logits.detach().numpy()[:, ::-1]  # its labels are REAL, FAKE
    expected = expected - expected.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_a_checkpoint_of_this_package_is_a_teacher(checkpoint, news):
    teacher = load_teacher(str(checkpoint), CPU)
    logits = ask(teacher, news.texts, ["FAKE", "REAL"])
    labels = np.array(["FAKE", "REAL"])[logits.argmax(axis=1)]
    assert (labels == news.labels).mean() > 0.9


def test_answers_are_kept_and_each_text_is_asked_once(tmp_path):
    texts = [f"text {number}" for number in range(40)] * 2
    first, second = Counting(), Counting()
    logits = ask(first, texts, ["a", "b", "c"], tmp_path)
    assert sorted(first.asked) == sorted(set(texts))
    np.testing.assert_allclose(logits.mean(axis=1), 0, atol=1e-6)
    again = ask(second, [*texts, "new"], ["a", "b", "c"], tmp_path)
    assert second.asked == ["new"]
    np.testing.assert_array_equal(again[:-1], logits)


def test_an_interrupted_run_asks_for_the_rest_only(tmp_path):
    texts = [f"text {number}" for number in range(2000)]
    with pytest.raises(KeyboardInterrupt):
        ask(Counting(stops_after=1500), texts, ["a", "b", "c"], tmp_path)
    after = Counting()
    ask(after, texts, ["a", "b", "c"], tmp_path)
    assert 0 < len(after.asked) < 1100


def test_another_teacher_is_asked_itself(tmp_path):
    first, other = Counting(), Counting()
    other.identity = "another"
    ask(first, ["a text"], ["a", "b", "c"], tmp_path)
    ask(other, ["a text"], ["a", "b", "c"], tmp_path)
    assert other.asked == ["a text"]


def test_a_function_has_the_labels_in_the_order_that_is_given(distil, news):
    known = dict(zip(news.texts, news.labels, strict=True))

    def real_first(texts):
        real = np.array([known.get(text, "FAKE") == "REAL" for text in texts])
        return np.stack([real, ~real], axis=1) * 0.98 + 0.01

    result = distil(
        [], [], real_first, label_names=["REAL", "FAKE"], unlabelled=news.texts, num_train_epochs=8
    )
    inputs = result.tokenizer(news.texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        best = result.model(**inputs).logits.argmax(dim=1)
    named = [result.model.config.label_names[row] for row in best]
    assert np.mean(np.array(named) == news.labels) > 0.9


def test_damaged_answers_are_named(tmp_path):
    (tmp_path / CACHE_NAME).write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match=f"{CACHE_NAME} cannot be used"):
        ask(Counting(), ["a text"], ["a", "b", "c"], tmp_path)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda texts: np.ones(len(texts)), "returned an array of shape"),
        (lambda texts: np.ones((len(texts), 2)), "are no probabilities"),
        (lambda texts: np.full((len(texts), 2), np.nan), "are no probabilities"),
        (lambda texts: np.full((len(texts), 4), 0.25), "4 scores for a text, but there are 2"),
    ],
)
def test_a_function_must_return_probabilities(answer, said):
    with pytest.raises(DataError, match=said):
        ask(load_teacher(answer, CPU), ["one", "two"], ["a", "b"])


def test_labels_must_be_the_same(transformer, distil, news):
    names = ["LIE" if label == "FAKE" else label for label in news.labels]
    with pytest.raises(DataError, match=r"are REAL, FAKE; the labels of the texts are LIE, REAL"):
        distil(news.texts, names, transformer, augmented_copies=0)


def changed(transformer, folder, **values):
    """A copy of a teacher with another config."""
    shutil.copytree(transformer, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **values}), encoding="utf-8")
    return folder


def test_teachers_that_cannot_teach(transformer, tmp_path):
    several = changed(transformer, tmp_path / "a", problem_type="multi_label_classification")
    with pytest.raises(DataError, match="classifier of one label a text"):
        load_teacher(several, CPU)

    no_head = tmp_path / "b"
    shutil.copytree(transformer, no_head)
    BertForSequenceClassification.from_pretrained(transformer).bert.save_pretrained(no_head)
    with pytest.raises(DataError, match=r"lacks the weights classifier\.bias"):
        load_teacher(changed(no_head, tmp_path / "c", num_labels=2), CPU)

    pickled = tmp_path / "d"
    shutil.copytree(transformer, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(DataError, match="safetensors"):
        load_teacher(pickled, CPU)

    with pytest.raises(DataError, match="could not be loaded: there is no such folder"):
        load_teacher("user/nothing", CPU)
    with pytest.raises(DataError, match="give a name on the Hub"):
        load_teacher(7, CPU)


def test_remote_code_of_a_teacher_runs_only_if_it_is_trusted(transformer, tmp_path):
    auto_map = {
        "AutoConfig": "own.OwnConfig",
        "AutoModelForSequenceClassification": "own.OwnClassifier",
    }
    folder = changed(
        transformer, tmp_path / "own_teacher", model_type="own-bert", auto_map=auto_map
    )
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(
        "from pathlib import Path\n"
        "from transformers import BertConfig, BertForSequenceClassification\n"
        f"Path({str(ran)!r}).touch()\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own-bert'\n"
        "class OwnClassifier(BertForSequenceClassification):\n    config_class = OwnConfig\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match="contains custom code"):
        load_teacher(folder, CPU)
    assert not ran.exists()
    teacher = load_teacher(Teacher(str(folder), trust_remote_code=True), CPU)
    assert ran.exists()
    assert teacher.logits(["a text"]).shape == (1, 2)


@pytest.fixture(scope="module")
def glove(glove_file):
    return load_glove(str(glove_file))


def test_a_teacher_of_the_hub_is_named_with_its_commit(transformer, tmp_path):
    files = {path.name: path.read_bytes() for path in transformer.iterdir()}
    code = """
        import json
        import torch
        from glove_lstm import Teacher
        from glove_lstm.training.teachers import load_teacher

        teacher = load_teacher(Teacher("user/bert", revision="main"), torch.device("cpu"))
        print(json.dumps(teacher.about))
        try:
            load_teacher(Teacher("user/bert", revision="no-such-branch"), torch.device("cpu"))
        except ValueError as error:
            print(error)
    """
    with HubServer() as hub:
        repo = hub.add_repo("user/bert", files)
        done = run_client(hub, code, tmp_path)
    about, refusal = done.stdout.splitlines()
    commit = repo.branches["main"].sha
    assert json.loads(about) == {"name": "user/bert", "revision": commit, "license": "mit"}
    assert "The teacher user/bert could not be loaded" in refusal


@given(st.lists(st.text(alphabet="ab .,", min_size=1), min_size=1, max_size=5), st.integers(0, 4))
def test_copies_are_shorter_and_always_the_same(texts, count):
    copies = altered_copies(texts, count, None)
    assert len(copies) == count * len(texts)
    for number, copy in enumerate(copies):
        words = texts[number // count].split()
        assert set(copy.split()) <= set(words)
        assert bool(copy.split()) == bool(words)
    assert copies == altered_copies(texts, count, None)


def test_words_are_exchanged_for_similar_ones_in_the_same_dress(glove):
    text = " ".join(["Council,"] * 40 + ["NEW"] * 40 + ["qqq"] * 40)
    similar = similar_words(["council", "new"], glove)
    assert similar["council"]
    assert "council" not in similar["council"]
    words = set(" ".join(altered_copies([text], 8, glove)).split())
    calm = {f"{word.capitalize()}," for word in similar["council"]}
    loud = {word.upper() for word in similar["new"]}
    assert words <= {"Council,", "NEW", "qqq"} | calm | loud
    assert words & calm
    assert words & loud


@pytest.mark.slow
def test_command_learns_from_a_teacher_and_compares_with_it(
    articles, glove_file, transformer, news, tmp_path
):
    more = write_table(tmp_path / "more.csv", [{"text": text} for text in news.texts])
    out = tmp_path / "out"
    command = ["--glove", glove_file, "--output_dir", out, *SMALL, *QUICK]
    teacher = ["--teacher", transformer, "--unlabelled_file", more]
    succeed(train_command.main, *command, *teacher)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["about"]["data"] == "more.csv (without labels)"
    assert (out / CACHE_NAME).is_file()
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert sorted(config["label2id"]) == ["FAKE", "REAL"]

    measured = succeed(evaluate.main, out, "--test_file", articles, "--teacher", transformer)
    assert transformer.name in measured.stdout
    assert "of the texts the same label" in measured.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--unlabelled_file {DATA}", "unlabelled_file needs a teacher"),
        ("--teacher_revision main", "teacher_revision needs a teacher"),
        ("--augmented_copies 3", "augmented_copies is for a training with a teacher"),
        ("--teacher a b --teacher_revision main", "1 for 2 teachers"),
        ("--teacher a --teacher b", "--teacher is given twice"),
        ("--teacher nowhere", "The teacher nowhere could not be loaded"),
    ],
)
def test_mistakes_of_the_command(words, said, articles, glove_file, tmp_path):
    args = words.replace("{DATA}", str(articles)).split()
    command = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "out"]
    assert_refused(run_here(train_command.main, *command, *args), said)


@pytest.mark.slow
@pytest.mark.usefixtures("beside_the_vectors")
def test_estimator_learns_from_a_function_and_from_a_transformer(news, transformer):
    function = GloveLstmClassifier(**ESTIMATOR, teacher=by_case, augmented_copies=2)
    labels = ["LOUD" if label == "FAKE" else "calm" for label in news.labels]
    function.fit(news.texts[:100], labels[:100], unlabelled=news.texts[100:])
    assert function.classes_.tolist() == ["LOUD", "calm"]

    alone = GloveLstmClassifier(**ESTIMATOR, teacher=Teacher(str(transformer))).fit(news.texts)
    assert alone.classes_.tolist() == ["FAKE", "REAL"]
    assert alone.predict_proba(news.texts[:3]).shape == (3, 2)
    with pytest.raises(DataError, match="y to be passed"):
        GloveLstmClassifier(**ESTIMATOR).fit(news.texts)


@pytest.mark.slow
def test_a_resumed_distillation_ends_as_an_uninterrupted_one(
    distil, news, transformer, tmp_path, monkeypatch
):
    options = {"augmented_copies": 2, "save_strategy": "steps", "save_steps": 5}
    whole = distil(news.texts, news.labels, transformer, output_dir=str(tmp_path / "a"), **options)

    from glove_lstm.training.trainer import GloveLstmTrainer

    steps = []
    training_step = GloveLstmTrainer.training_step

    def interrupted(self, *args, **more):
        steps.append(1)
        if len(steps) > 200:  # in the last of four trainings
            raise KeyboardInterrupt
        return training_step(self, *args, **more)

    def counted(self, *args, **more):
        steps.append(1)
        return training_step(self, *args, **more)

    def only_a_probe(self, texts):
        assert len(texts) == 2
        return np.zeros((2, 2))

    out = {"output_dir": str(tmp_path / "b"), **options}
    monkeypatch.setattr(GloveLstmTrainer, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        distil(news.texts, news.labels, transformer, **out)
    monkeypatch.undo()
    assert list((tmp_path / "b").glob("checkpoint-*"))
    monkeypatch.setattr("glove_lstm.training.teachers.TransformersTeacher.logits", only_a_probe)
    monkeypatch.setattr(GloveLstmTrainer, "training_step", counted)
    del steps[:]
    resumed = distil(news.texts, news.labels, transformer, resume_from_checkpoint="True", **out)
    assert len(steps) == 105  # of 36, 108, 40 and 120; the checkpoint is of step 15
    for name, weights in resumed.model.state_dict().items():
        torch.testing.assert_close(weights, whole.model.state_dict()[name])
