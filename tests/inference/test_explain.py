"""Explanations: each word once, left out in turn; the same words and numbers on every route."""

import json
import re

import numpy as np
import pytest
from hostile import examples, joined, texts
from hypothesis import given, settings
from support import CALM, LOUD, repaired, succeed

from glove_lstm import GloveLstmClassifier, LightClassifier, explain
from glove_lstm.commands import predict
from glove_lstm.errors import DataError
from glove_lstm.inference.explain import SPACES, split_words

NAMES = ("a", "b", "c")
CALM_WORD = CALM.split()[0]
LOUD_WORD = LOUD.split()[0]


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


def test_the_effect_on_one_of_several_labels_is_what_its_logit_loses():
    explanation = explain(count_words, "x y y", NAMES, "a", multi_label=True)
    assert effects_of(explanation) == [("x", -1), ("y", 0), ("y", 0)]


def test_words_are_as_people_see_them():
    text = "“Don't”, said U.S. skipper No. 1,204: well-known cafe\u0301s हिन्दी می\u200cخواهم 👩\u200d💻!!! a_b\u3000x"
    words = [text[begin:end] for begin, end in split_words(text)]
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


def test_labels_that_cannot_be_explained_are_refused():
    with pytest.raises(DataError, match=r"'SATIRE'.*a, b, c"):
        explain(count_words, "x", NAMES, "SATIRE")
    with pytest.raises(DataError, match="only one label"):
        explain(lambda rows: np.zeros((len(rows), 1)), "x", ["a"])


ROWS = [
    f"{LOUD_WORD.upper()} {CALM_WORD} zzunknown https://boats.example/x 1,204!!!",
    "",
    "a \ud800 “b”",
    f"{LOUD} {CALM} " * 8,
]


def test_every_route_gives_the_same_words_and_numbers(shared_export, tmp_path):
    light = LightClassifier.from_pretrained(shared_export)
    estimator = GloveLstmClassifier.from_pretrained(shared_export)
    wanted = [light.explain(text) for text in ROWS]
    table = tmp_path / "in.jsonl"
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in ROWS))
    routes = [[estimator.explain(text) for text in ROWS]]
    for backend in ("onnx", "torch"):
        options = ["--format", "jsonl", "--explain", "--backend", backend, "--input", table]
        done = succeed(predict.main, "--model", shared_export, *options)
        routes.append([json.loads(line)["explanation"] for line in done.stdout.splitlines()])

    for explanations in routes:
        for explanation, expected in zip(explanations, wanted, strict=True):
            if not isinstance(explanation, dict):
                found = [(word.begin, word.end, word.effect) for word in explanation.effects]
                assert (explanation.text, explanation.label) == (expected.text, expected.label)
            else:
                words = explanation["effects"]
                found = [(word["begin"], word["end"], word["effect"]) for word in words]
                assert explanation["label"] == expected.label
            effects = [(word.begin, word.end, word.effect) for word in expected.effects]
            np.testing.assert_allclose(
                np.reshape(found, (-1, 3)), np.reshape(effects, (-1, 3)), atol=1e-5
            )


def test_the_label_can_be_chosen(shared_export):
    light = LightClassifier.from_pretrained(shared_export)
    best = light.explain(ROWS[0])
    other = light.explain(ROWS[0], next(n for n in light.label_names if n != best.label))
    negated = [-word.effect for word in best.effects]
    assert [word.effect for word in other.effects] == pytest.approx(negated, abs=1e-6)
