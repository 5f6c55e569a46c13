"""`import glove_lstm` is light, and the first use of a class registers it with the Auto classes."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import glove_lstm


def run(code: str) -> str:
    return subprocess.check_output([sys.executable, "-c", code], encoding="utf-8")


def test_importing_brings_neither_torch_nor_transformers() -> None:
    modules = (
        "glove_lstm, glove_lstm.data.loading, glove_lstm.training.presets, glove_lstm.commands.predict, "
        "glove_lstm.inference.runtime, glove_lstm.tokenization.light_tokenizer"
    )
    loaded = "[name for name in ('torch', 'transformers') if name in sys.modules]"
    assert run(f"import sys, {modules}; print({loaded})") == "[]\n"


def test_every_public_name_is_there() -> None:
    for name in glove_lstm.__all__:
        assert getattr(glove_lstm, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = glove_lstm.nothing_such


def test_version_is_that_of_the_distribution() -> None:
    assert glove_lstm.__version__ == version("glove-lstm")


def test_first_use_registers_with_the_auto_classes(checkpoint) -> None:
    code = f"""
from glove_lstm import GloveLstmTokenizer
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
path = {str(checkpoint)!r}
for auto in (AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer):
    print(type(auto.from_pretrained(path)).__module__)
print(pipeline("text-classification", model=path)("Council votes")[0]["label"] in ("FAKE", "REAL"))
"""
    assert run(code).splitlines() == [
        "glove_lstm.modeling.configuration_glove_lstm",
        "glove_lstm.modeling.modeling_glove_lstm",
        "glove_lstm.modeling.modeling_glove_lstm",
        "glove_lstm.tokenization.tokenization_glove_lstm",
        "True",
    ]
