"""Save, load, train anew; and what a process without this package makes of a saved tokenizer."""

import json
import os
import subprocess
import sys

import pytest
from transformers import AutoTokenizer

import glove_lstm
from glove_lstm import GloveLstmTokenizer
from glove_lstm.tokenization.build import english_stop_words

TEXTS = ["The SKIPPER said 3.5", "", "see www.count.example “we” <pad>", "qwzx"]


def run(code, *arguments, **environment):
    """A process of its own, with stdin closed."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **{k: str(v) for k, v in environment.items()}},
    )


@pytest.mark.parametrize("variant", ["default", "article"])
@pytest.mark.parametrize("token_types", [True, False])
def test_round_trip(make, tmp_path, variant, token_types):
    tokenizer = make(variant, truncation_side="left", model_max_length=7, token_types=token_types)
    tokenizer.save_pretrained(tmp_path)
    assert GloveLstmTokenizer is glove_lstm.GloveLstmTokenizer
    for loaded in (GloveLstmTokenizer.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert type(loaded) is GloveLstmTokenizer
        assert loaded.get_vocab() == tokenizer.get_vocab()
        assert loaded.truncation_side == "left"
        assert loaded.model_max_length == 7
        assert loaded.model_input_names == tokenizer.model_input_names
        assert loaded(TEXTS, TEXTS[::-1]).data == tokenizer(TEXTS, TEXTS[::-1]).data


def test_what_is_saved_does_not_depend_on_the_last_call(make, tmp_path):
    tokenizer = make(model_max_length=7)
    calls = [
        {},
        {"padding": True},
        {"padding": "max_length", "truncation": True, "max_length": 3},
        {"truncation": "only_first", "max_length": 2, "stride": 1, "return_overflowing_tokens": True},
        {"text_pair": TEXTS, "padding": True},
        {"split_special_tokens": False},
    ]
    saved = set()
    for number, options in enumerate(calls):
        tokenizer(TEXTS, **options)
        tokenizer.save_pretrained(tmp_path / str(number))
        saved.add(
            tuple(
                (tmp_path / str(number) / f).read_bytes() for f in ("tokenizer.json", "tokenizer_config.json")
            )
        )
    assert len(saved) == 1
    written = json.loads((tmp_path / "2" / "tokenizer.json").read_text())
    assert written["padding"] is written["truncation"] is None
    again = GloveLstmTokenizer.from_pretrained(tmp_path / "2")
    again.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / "tokenizer.json").read_bytes() in {files[0] for files in saved}


@pytest.mark.parametrize("reload", [False, True])
@pytest.mark.parametrize("variant", ["default", "article"])
def test_train_new_from_iterator(make, tmp_path, variant, reload):
    tokenizer = make(variant, truncation_side="left", model_max_length=4)
    if reload:
        tokenizer.save_pretrained(tmp_path)
        tokenizer = GloveLstmTokenizer.from_pretrained(tmp_path)
    batches = [["Lanterns LANTERNS the glow", "lanterns https://x.example glow"], ["tide"]]
    new = tokenizer.train_new_from_iterator(iter(batches), vocab_size=50)
    assert type(new) is GloveLstmTokenizer
    assert sorted(new.get_vocab().values()) == list(range(len(new)))
    assert (new.pad_token_id, new.unk_token_id) == (0, 1)
    assert {"lanterns", "glow", "tide"} < set(new.get_vocab())
    assert ("the" in new.get_vocab()) == (variant == "default")
    assert "boats" not in new.get_vocab()
    assert new.truncation_side == "left"
    assert new.model_max_length == 4
    assert new("Tide")["token_type_ids"] == [2]
    assert new("<pad>")["input_ids"] != [0]
    new.save_pretrained(tmp_path / "new")
    assert AutoTokenizer.from_pretrained(tmp_path / "new")(TEXTS).data == new(TEXTS).data
    assert len(tokenizer.train_new_from_iterator(iter(batches), vocab_size=4)) == 4


WITHOUT_PACKAGE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "glove_lstm":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1], **eval(sys.argv[2]))
print(type(tokenizer).__name__, tokenizer("The <pad>", "BOATS")["token_type_ids"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("said", ["{}", "{'trust_remote_code': False}"])
def test_without_the_package_and_without_trust_it_is_refused_in_one_sentence(make, tmp_path, said):
    make().save_pretrained(tmp_path / "saved")
    result = run(WITHOUT_PACKAGE, tmp_path / "saved", said, HF_HOME=tmp_path / "home")
    assert result.returncode == 1
    assert "contains custom code which must be executed" in result.stderr
    assert "trust_remote_code=True" in result.stderr
    assert not result.stdout.startswith("GloveLstm")


@pytest.mark.slow
def test_without_the_package_and_with_trust_it_is_the_same_tokenizer(make, tmp_path):
    tokenizer = make()
    tokenizer.save_pretrained(tmp_path / "saved")
    result = run(
        WITHOUT_PACKAGE, tmp_path / "saved", "{'trust_remote_code': True}", HF_HOME=tmp_path / "home"
    )
    assert result.returncode == 0, result.stderr
    assert (
        result.stdout.split("\n")[0]
        == f"GloveLstmTokenizer {tokenizer('The <pad>', 'BOATS')['token_type_ids']}"
    )


def test_missing_stop_words_say_how_to_get_them(tmp_path):
    code = "from glove_lstm.tokenization.build import english_stop_words; english_stop_words()"
    (tmp_path / "empty").mkdir()
    result = run(code, NLTK_DATA=tmp_path / "empty", HOME=tmp_path)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("glove_lstm.data.errors.DataError: NLTK's stop words are not on this machine")
    assert "python -m nltk.downloader stopwords" in last
    assert "NLTK_DATA" in last
    assert "During handling" not in result.stderr


def test_stop_words_that_are_there_are_read(tmp_path, monkeypatch, make):
    folder = tmp_path / "corpora" / "stopwords"
    folder.mkdir(parents=True)
    (folder / "english").write_text("the\nof\ndon't\n")
    code = "from glove_lstm.tokenization.build import english_stop_words; print(english_stop_words())"
    result = run(code, NLTK_DATA=tmp_path, HOME=tmp_path)
    assert result.stdout.strip() == "['the', 'of', \"don't\"]", result.stderr
    assert callable(english_stop_words)


def test_transformers_4_is_refused_in_one_sentence():
    code = (
        "import transformers; transformers.__version__ = '4.57.1'; from glove_lstm import GloveLstmTokenizer"
    )
    result = run(code)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last == "ImportError: GloveLstmTokenizer needs transformers 5 or newer; this is 4.57.1"
