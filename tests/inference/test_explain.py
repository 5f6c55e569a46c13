"""Explanations: each word once, left out in turn. Parity of the routes is in fuzz/test_routes.py."""

import re

import numpy as np
import pytest
from hostile import examples, joined, texts
from hypothesis import given, settings
from support import ROOT, edit_json, repaired

from glove_lstm import LightClassifier, explain
from glove_lstm.inference.explain import LEAST_MARKED, Explanation, WordEffect, word_spans
from glove_lstm.unicode_scripts import SPACES

NAMES = ("a", "b", "c")


def count_words(rows):
    """Logits of three labels: minus the number of "x", twice the number of "y", and 1."""
    logits = []
    for text in rows:
        words = text.split()
        logits.append([-words.count("x"), 2 * words.count("y"), 1])
    return np.array(logits, dtype=np.float32)


def effects_of(explanation):
    return [(explanation.text[word.begin : word.end], word.effect) for word in explanation.effects]


def test_the_effect_is_what_the_lead_of_the_label_loses():
    explanation = explain(count_words, "x y, y", NAMES)
    assert explanation.label == "b"
    # "y" gives way to "c", which has 1; without "x", the logit of "a" rises from -1 to 0, but "c" stays the rival.
    assert effects_of(explanation) == [("x", 0), ("y", 0), (",", -2), ("y", 2)]
    assert effects_of(explain(count_words, "x y", NAMES, "a")) == [("x", -1), ("y", -1)]
    assert effects_of(explain(count_words, "x y", NAMES, "b")) == [("x", 0), ("y", 2)]
    # The function may return lists.
    assert explain(lambda rows: count_words(rows).tolist(), "x y, y", NAMES) == explanation
    # On one of several labels, it is what its logit loses.
    explanation = explain(count_words, "x y y", NAMES, "a", multi_label=True)
    assert effects_of(explanation) == [("x", -1), ("y", 0), ("y", 0)]


@pytest.mark.parametrize("problem_type", [None, "multi_label_classification"])
def test_the_top_words_are_the_strongest_alone(exported, problem_type):
    edit_json(exported / "config.json", problem_type=problem_type)
    light = LightClassifier.from_pretrained(exported)
    words = light.top_words("FAKE", 10**6)
    assert "secret" in dict(words)
    assert all(word.isalpha() for word, _ in words)
    logits = light.predict_logits([word for word, _ in words])
    other = 0 if problem_type else logits[:, light.label_names.index("REAL")]
    leads = logits[:, light.label_names.index("FAKE")] - other
    assert [strength for _, strength in words] == pytest.approx(leads, abs=1e-5)
    assert (np.diff(leads) <= 1e-5).all()
    assert light.top_words("FAKE") == words[:20]


def test_words_are_as_people_see_them():
    text = "“Don't”, said U.S. skipper No. 1,204: well-known cafe\u0301s हिन्दी می\u200cخواهم 👩\u200d💻!!! a_b\u3000x"
    words = [text[begin:end] for begin, end in word_spans(text)]
    assert words == [
        *("“", "Don't", "”,", "said", "U.S", ".", "skipper", "No", ".", "1,204", ":"),
        *("well-known", "cafe\u0301s", "हिन्दी", "می\u200cخواهم", "👩\u200d💻!!!", "a_b", "x"),
    ]


@settings(max_examples=examples(200), deadline=None)
@given(text=texts | joined)
def test_each_character_that_is_no_space_is_in_one_word(text):
    explanation = explain(count_words, text, NAMES)
    assert explanation.text == repaired(text)
    rest = explanation.text
    end_of_last = 0
    for word in explanation.effects:
        assert end_of_last <= word.begin < word.end
        end_of_last = word.end
        rest = rest[: word.begin] + " " * (word.end - word.begin) + rest[word.end :]
    assert re.fullmatch(f"[{SPACES}]*", rest)


def test_a_long_text_is_explained_by_runs_of_words():
    text = "x " * 4000 + "y"
    explanation = explain(count_words, text, NAMES, "a", multi_label=True)
    assert len(explanation.effects) == 1334  # runs of three
    assert effects_of(explanation)[0] == ("x x x", -3)
    assert effects_of(explanation)[-1] == ("x y", -1)


def test_words_are_marked_from_a_tenth_of_the_strongest_on():
    effects = [WordEffect(0, 1, 0.19), WordEffect(1, 2, -2.0), WordEffect(2, 3, 0.2)]
    marked = Explanation("abc", "a", effects).marked
    assert marked == [(effects[1], -1.0), (effects[2], 0.1)]
    assert Explanation("a", "a", [WordEffect(0, 1, 0.0)]).marked == []
    assert Explanation("", "a", []).marked == []
    page = (ROOT / "glove_lstm" / "publishing" / "page" / "page.js").read_text(encoding="utf-8")
    assert f"const FAINTEST = {LEAST_MARKED};" in page
