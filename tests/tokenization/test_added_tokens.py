"""Tokens that a user adds are kept whole; "<pad>" and "<unk>" in a text are text."""

import pytest
from transformers import AddedToken, AutoTokenizer

from glove_lstm import GloveLstmTokenizer

TEXT = "[USER] said 3.5 to[USER] at the [CLS] <pad> <unk> [user]"
ADDED = {"additional_special_tokens": ["[USER]"], "cls_token": "[CLS]"}


def assert_whole(tokenizer, *names):
    tokens = tokenizer.tokenize(TEXT)
    for name in names:
        assert tokens.count(name) == TEXT.count(name), tokens
        assert name in tokenizer.all_special_tokens
    ids = tokenizer(TEXT)["input_ids"]
    assert tokenizer.pad_token_id not in ids
    kept = tokenizer.decode(ids, skip_special_tokens=True)
    assert not any(name in kept for name in names)


@pytest.mark.parametrize("variant", ["default", "article"])
def test_special_tokens_of_the_user_are_kept_whole_everywhere(make, tmp_path, variant):
    tokenizer = make(variant, token_types=variant == "default")
    size = len(tokenizer)
    assert tokenizer.add_special_tokens(ADDED) == 2
    assert tokenizer.add_special_tokens({"cls_token": "[CLS]"}) == 0
    assert len(tokenizer) == size + 2
    assert_whole(tokenizer, "[USER]", "[CLS]")
    tokenizer.save_pretrained(tmp_path)
    for loader in (GloveLstmTokenizer, AutoTokenizer):
        loaded = loader.from_pretrained(tmp_path)
        assert loaded.get_vocab() == tokenizer.get_vocab()
        assert_whole(loaded, "[USER]", "[CLS]")
        loaded.save_pretrained(tmp_path)


def test_special_tokens_of_a_load_are_kept_whole(make, tmp_path):
    make().save_pretrained(tmp_path)
    token = AddedToken("[USER]", special=True, lstrip=True)
    loaded = GloveLstmTokenizer.from_pretrained(tmp_path, extra_special_tokens=[token])
    wanted = loaded.convert_tokens_to_ids(["said", "[USER]", "said"])
    assert loaded("said [USER] said")["input_ids"] == wanted
    assert token.special  # the caller's token is unchanged


def test_another_padding_token_is_text_too(make, tmp_path):
    tokenizer = make()
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(tmp_path)
    for one in (tokenizer, GloveLstmTokenizer.from_pretrained(tmp_path)):
        assert one.pad_token_id not in one("the [PAD]")["input_ids"]
        padded = one(["the boats", ""], padding=True)["input_ids"]
        assert padded[1] == [one.pad_token_id] * 2
