"""How well a column alone tells the label: ids, sources, dates, addresses."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.tree import DecisionTreeClassifier

Ints = NDArray[np.int64]
Rule = tuple[Ints, str]  # labels of the held-out rows, and an example of what it says

_LEAVES = 8  # a rule that a person could write down
_FEWEST = 20  # rows on either side; with fewer nothing is significant
# A rule counts when it is right on a fifth of the rows on which the majority class is wrong. Less is what honest
# columns have: subjects and years differ in how much of each label they hold.
_EFFECT = 0.2
_WORD = re.compile(r"\w+")
_PROSE_WORDS = 4  # the median value of a column of text has at least so many, and values seldom come twice


@dataclass(frozen=True)
class ColumnLeak:
    """A column that gives the label away.

    Attributes:
        column: Its name.
        rows: Held-out rows.
        accuracy: Of a simple rule on this column alone, on these rows.
        majority: Accuracy of the majority class there.
        example: Of what the rule says.
    """

    column: str
    rows: int
    accuracy: float
    majority: float
    example: str


def find_column_leaks(
    columns: dict[str, list[Any]], labels: Sequence[str], *, alpha: float = 0.001
) -> list[ColumnLeak]:
    """Find columns from which a rule, learnt on a random half of the rows, predicts the labels of the other half.

    Two rules are tried on each: value -> its most frequent label, and a decision tree of eight leaves on the number
    or date, or on the words of the value. A rule counts when it is right on a fifth of the rows that the majority
    class gets wrong, net of those that it gets wrong itself, and when chance is ruled out: McNemar's exact test
    against the majority class, over all columns and rules together, errs with a probability of at most `alpha`.

    Args:
        columns: Name -> n values of whatever kind; columns of prose are left out, for they are text.
        labels: n labels.
        alpha: Probability of finding anything where labels are random.
    """
    names = sorted(set(labels))
    label_of = np.array([names.index(label) for label in labels], dtype=np.int64)
    order = np.random.default_rng(0).permutation(len(label_of))
    fit, held = order[: len(order) // 2], order[len(order) // 2 :]
    if len(fit) < _FEWEST or len(names) < 2:
        return []
    common = int(np.bincount(label_of[fit]).argmax())
    majority = label_of[held] == common
    rules = (_by_value, _by_tree)
    tried = {name: values for name, values in columns.items() if not _is_prose(values)}
    found = []
    for name, values in tried.items():
        best: ColumnLeak | None = None
        for rule in rules:
            guess = rule(values, label_of, fit, held, names)
            if guess is None:
                continue
            right = guess[0] == label_of[held]
            gained, lost = int((right & ~majority).sum()), int((~right & majority).sum())
            chance = float(binom.sf(gained - 1, gained + lost, 0.5)) if gained else 1.0
            gain = (gained - lost) / max(int((~majority).sum()), 1)
            if gain < _EFFECT or chance > alpha / (len(tried) * len(rules)):
                continue
            leak = ColumnLeak(name, len(held), float(right.mean()), float(majority.mean()), guess[1])
            if best is None or leak.accuracy > best.accuracy:
                best = leak
        if best:
            found.append(best)
    return found


def _by_value(values: list[Any], labels: Ints, fit: Ints, held: Ints, names: list[str]) -> Rule | None:
    """Each value's most frequent label; the majority's for values that were never seen."""
    counts: dict[str, Counter[int]] = {}
    for row in fit:
        counts.setdefault(_string(values[row]), Counter())[int(labels[row])] += 1
    if len(counts) in (1, len(fit)):
        return None
    common = int(np.bincount(labels[fit]).argmax())
    label = {value: seen.most_common(1)[0][0] for value, seen in counts.items()}
    guess = np.array([label.get(_string(values[row]), common) for row in held], dtype=np.int64)
    telling = max(counts, key=lambda value: counts[value][label[value]] * (label[value] != common))
    return guess, f"{_shorten(telling)} -> {names[label[telling]]}"


def _by_tree(values: list[Any], labels: Ints, fit: Ints, held: Ints, names: list[str]) -> Rule | None:
    """A small decision tree on the number or date that the value is, or else on the words in it."""
    numbers = [_number(value) for value in values]
    features: Any
    says: Callable[[int, float], str]
    if all(number is not None or _string(value) == "" for number, value in zip(numbers, values, strict=True)):
        exact = np.array([math.nan if number is None else number for number in numbers])
        steps = np.unique(exact[fit][~np.isnan(exact[fit])])
        if not len(steps):
            return None
        # Ranks, because the tree computes in 32 bits, in which long ids would be equal.
        features = np.where(np.isnan(exact), np.nan, np.searchsorted(steps, exact)).reshape(-1, 1)

        def says(_feature: int, threshold: float) -> str:
            if math.isinf(threshold):  # a branch for missing values
                return "any value"
            step = steps[min(int(threshold), len(steps) - 1)]
            original = next(value for value, number in zip(values, exact, strict=True) if number == step)
            return f"at most {_shorten(_string(original))}"
    else:
        counter = CountVectorizer(
            binary=True, max_features=500, tokenizer=_WORD.findall, token_pattern=None, lowercase=False
        )
        strings = [_string(value) for value in values]
        try:
            counter.fit([strings[row] for row in fit])
        except ValueError:  # not one word
            return None
        words = counter.get_feature_names_out()
        features = counter.transform(strings)

        def says(feature: int, _threshold: float) -> str:
            return f"without {_shorten(str(words[feature]))}"

    tree = DecisionTreeClassifier(
        max_leaf_nodes=_LEAVES, min_samples_leaf=max(5, len(fit) // 100), random_state=0
    ).fit(features[fit], labels[fit])
    if tree.tree_.node_count == 1:
        return None
    # In nodes of sklearn's trees, 0 is the root, and its left branch holds what is at most the threshold.
    condition = says(int(tree.tree_.feature[0]), float(tree.tree_.threshold[0]))
    left = int(tree.tree_.value[tree.tree_.children_left[0]][0].argmax())
    return tree.predict(features[held]), f"{condition} -> mostly {names[int(tree.classes_[left])]}"


def _is_prose(values: list[Any]) -> bool:
    strings = [value for value in values if isinstance(value, str) and value.strip()]
    if len(strings) <= len(values) / 2:
        return False
    return len(set(strings)) > len(strings) / 2 and bool(
        np.median([len(value.split()) for value in strings]) >= _PROSE_WORDS
    )


def _string(value: Any) -> str:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value).strip()


def _number(value: Any) -> float | None:
    """The number that a value is or spells; of dates, the day. None where it is none, or endless."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            if not re.match(r"\d{4}-\d\d-\d\d", value):
                return None
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return None
    if isinstance(value, datetime):
        return value.toordinal() + (value.hour * 3600 + value.minute * 60 + value.second) / 86400
    if isinstance(value, date):
        return float(value.toordinal())
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shorten(value: str) -> str:
    value = " ".join(value.split())
    return repr(value if len(value) <= 40 else value[:39] + "…")
