"""A checkpoint knows its training texts, whatever their case, punctuation and white space."""

import dataclasses

import pytest

from glove_lstm.checkpoint.text_record import TextRecord

TITLE = "A title:  the\nbody"


@pytest.mark.parametrize(
    ("text", "other", "is_copy"),
    [
        (TITLE, "\u201ca TITLE the body\u201d .", True),
        ("\ud800", "\ud800", True),
        ("?! ?", " ?!  ?\n", True),
        ("\u00dcber 1,204", "(\u00fcber 1 204)", True),
        (TITLE, "a title the bodies", False),
        (TITLE, "atitle the body", False),
        ("", "!!", False),
        ("?! ?", "?! ?!", False),
        ("1,204", "1204", False),
        ("यह अच्छा है", "यह अच्छी है", False),  # another vowel sign
        ("he came \U0001f44d", "he came \U0001f44e", False),
        ("市议会批准。", "市议会批准！", True),
        ("d\u00e9j\u00e0 vu", "de\u0301ja\u0300 vu", True),  # composed, decomposed
    ],
)
def test_hashes(text, other, is_copy):
    trained, validated = TextRecord.of([text], ["validation"]).find([other, "Validation!", "new"])
    assert trained.tolist() == [is_copy, False, False]
    assert validated.tolist() == [False, True, False]


def test_a_text_that_was_trained_and_validated_on_counts_as_trained():
    trained, validated = TextRecord.of(["a", "b"], ["b", "c"]).find(["a", "b", "c"])
    assert trained.tolist() == [True, True, False]
    assert validated.tolist() == [False, False, True]


@pytest.mark.parametrize("complete", [True, False])
def test_a_fine_tuned_model_remembers_earlier_texts(tmp_path, complete):
    earlier = dataclasses.replace(TextRecord.of(["a"], ["b"]), complete=complete)
    TextRecord.of(["c"], ["d"]).added_to(earlier).save(tmp_path / "record", "digest")
    record, digest = TextRecord.load(tmp_path / "record")
    assert digest == "digest"
    trained, validated = record.find(list("abcd"))
    assert trained.tolist() == [True, False, True, False]
    assert validated.tolist() == [False, True, False, True]
    assert record.complete is complete
    assert record.added_to(None).complete is False  # what was before is unknown
    assert TextRecord.of([], []).added_to(record).complete is complete
