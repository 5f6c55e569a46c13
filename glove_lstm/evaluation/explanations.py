"""Measures of explanations: important words of a test set, and the effect of deleting words."""

import logging
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.evaluation.metrics import bootstrap_interval
from glove_lstm.inference.explanation import Explanation, WordContribution, explain
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import softmax
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification

logger = logging.getLogger(__name__)

TEXTS = 200  # explained by default
DELETED = 10  # words
_DRAWS = 10  # of random words, for each text
_FEWEST_TEXTS = 3  # of a listed word: a name in one article says nothing of a test set
_LISTED = 12  # words, for each label


def explain_sample(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Dataset,
    *,
    limit: int = TEXTS,
) -> list[Explanation]:
    """Explain the labels of some texts.

    Args:
        model: A classifier.
        tokenizer: Its tokenizer.
        texts: Columns text and perhaps text_pair.
        limit: Texts at the most; of more, so many are drawn.
    """
    sample = texts.shuffle(seed=0).select(range(limit)) if len(texts) > limit else texts
    pairs = sample["text_pair"][:] if "text_pair" in sample.column_names else [None] * len(sample)
    return [
        explain(model, tokenizer, text, pair) for text, pair in zip(sample["text"][:], pairs, strict=True)
    ]


def important_words(explanations: Sequence[Explanation]) -> dict[str, list[tuple[str, float]]]:
    """Rank the words that move a test set most towards each label.

    Args:
        explanations: Of n texts.

    Returns:
        Label -> (lower-cased word, what it adds to this label's side of the difference, as a mean over the n texts),
        the strongest first; only words that stand in at least three texts.
    """
    texts: Counter[str] = Counter()
    totals: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for explanation in explanations:
        for word, value in explanation.by_word().items():
            texts[word] += 1
            totals[explanation.label][word] += value
            totals[explanation.rival][word] -= value
    found = {}
    for label, words in sorted(totals.items()):
        means = [
            (word, total / len(explanations))
            for word, total in words.items()
            if total > 0 and texts[word] >= _FEWEST_TEXTS
        ]
        found[label] = sorted(means, key=lambda item: (-item[1], item[0]))[:_LISTED]
    return found


def measure_faithfulness(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    explanations: Sequence[Explanation],
) -> dict[str, Any] | None:
    """Measure how far scores move when the ten words that speak most for a label are deleted, and ten random ones.

    Args:
        model: A classifier.
        tokenizer: Its tokenizer.
        explanations: Of its labels. Ten draws of random words are made for each.

    Returns:
        None if no text has more than twice ten words; else "texts" that have, "deleted", the mean absolute change of
        the label's probability "ranked" and "random", and their "ratio" with its 95 % bootstrap "ratio_interval".
    """
    long = [explanation for explanation in explanations if len(explanation.words) > 2 * DELETED]
    if not long:
        return None
    generator = random.Random(0)  # noqa: S311 - no secret
    variants = []
    for explanation in long:
        ranked = sorted(explanation.words, key=lambda word: -word.contribution)[:DELETED]
        drawn = [generator.sample(explanation.words, DELETED) for _ in range(_DRAWS)]
        variants += [without(explanation, words) for words in ([], ranked, *drawn)]
    pairs = [pair or "" for _, pair in variants] if any(pair is not None for _, pair in variants) else None
    scores = softmax(predict_logits(model, tokenizer, [text for text, _ in variants], pairs))
    chosen = [model.config.label_names.index(explanation.label) for explanation in long]
    by_text = scores.reshape(len(long), 2 + _DRAWS, -1)[np.arange(len(long)), :, chosen]
    changes = abs(by_text[:, 1:] - by_text[:, :1])
    ranks, draws = changes[:, 0], changes[:, 1:].mean(axis=1)

    def ratio(rows: NDArray[np.int64]) -> float:
        return float(ranks[rows].mean() / max(draws[rows].mean(), np.finfo(np.float64).tiny))

    return {
        "texts": len(long),
        "deleted": DELETED,
        "ranked": float(ranks.mean()),
        "random": float(draws.mean()),
        "ratio": ratio(np.arange(len(long))),
        "ratio_interval": bootstrap_interval(ratio, len(long)),
    }


def without(explanation: Explanation, words: Sequence[WordContribution]) -> tuple[str, str | None]:
    """The text and its second part with the characters of some of its words deleted."""
    parts = {"text": explanation.text, "text_pair": explanation.text_pair or ""}
    for word in sorted(words, key=lambda word: -word.start):
        part = parts[word.field]
        parts[word.field] = part[: word.start] + part[word.end :]
    return parts["text"], None if explanation.text_pair is None else parts["text_pair"]


def explanation_figures(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    explanations: Sequence[Explanation],
) -> dict[str, Any]:
    """Figures of eval.json: "texts", "deletion" (`measure_faithfulness`), "words" (`important_words`)."""
    return {
        "texts": len(explanations),
        "deletion": measure_faithfulness(model, tokenizer, explanations),
        "words": important_words(explanations),
    }


def describe(figures: Mapping[str, Any]) -> str:
    """Format `explanation_figures` for a terminal."""
    deletion = figures["deletion"]
    lines = [f"Explained: {figures['texts']:,} texts."]
    if deletion is None:
        lines.append(f"None has more than {2 * DELETED} words, so that nothing was deleted.")
    else:
        low, high = deletion["ratio_interval"]
        lines.append(
            f"Mean change of the score if {DELETED} words are deleted from the {deletion['texts']:,} texts of more "
            f"than {2 * DELETED} words: {deletion['ranked']:.4f} (ranked highest), {deletion['random']:.4f} (random): "
            f"{deletion['ratio']:.1f} times (95 % interval {low:.1f} to {high:.1f})"
        )
    lines += [
        f"- for {label}: {', '.join(f'{word} {mean:.3f}' for word, mean in words)}"
        for label, words in figures["words"].items()
        if words
    ]
    return "\n".join(lines)
