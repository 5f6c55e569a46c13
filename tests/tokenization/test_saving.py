"""Saving and loading; the hash that datasets caches by."""

import json

import pytest
from datasets.fingerprint import Hasher
from transformers import AutoTokenizer

from glove_lstm import GloveLstmTokenizer

TEXTS = ["The SKIPPER said 3.5", "", "see www.count.example “we” <pad>", "qwzx"]


@pytest.mark.parametrize(("variant", "token_types"), [("default", True), ("article", False)])
def test_round_trip(make, tmp_path, variant, token_types):
    tokenizer = make(variant, truncation_side="left", model_max_length=7, token_types=token_types)
    tokenizer.save_pretrained(tmp_path)
    for loader in (GloveLstmTokenizer, AutoTokenizer):
        loaded = loader.from_pretrained(tmp_path)
        assert type(loaded) is GloveLstmTokenizer
        assert loaded.get_vocab() == tokenizer.get_vocab()
        assert (loaded.truncation_side, loaded.model_max_length) == ("left", 7)
        assert loaded.model_input_names == tokenizer.model_input_names
        assert loaded(TEXTS, TEXTS[::-1]).data == tokenizer(TEXTS, TEXTS[::-1]).data


def test_calls_change_neither_files_nor_hash(make, tmp_path):
    """`datasets` caches by the hash."""
    tokenizer = make(model_max_length=7)
    tokenizer(TEXTS)
    before = Hasher.hash(tokenizer)
    tokenizer(TEXTS)
    assert Hasher.hash(tokenizer) == before
    assert vars(tokenizer).keys() == vars(make()).keys()  # a call adds nothing to hash

    cut = {"padding": "max_length", "truncation": True, "max_length": 3}
    saved = set()
    for options in ({}, cut, {"text_pair": TEXTS, "padding": True}):
        tokenizer(TEXTS, **options)
        tokenizer.save_pretrained(tmp_path)
        GloveLstmTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
        saved.add((tmp_path / "tokenizer.json").read_bytes())
    assert len(saved) == 1
    written = json.loads(saved.pop())
    assert written["padding"] is written["truncation"] is None
