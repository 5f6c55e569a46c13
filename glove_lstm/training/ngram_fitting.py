"""The n-gram classifier's weights: a linear support vector machine over the training texts, solved to its optimum.

The problem is convex: no learning rate, number of epochs or seed matters. Cross-fitting chooses how closely the weights
follow the texts.
"""

import logging
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.data.splits import grouped_stratified_split
from glove_lstm.training.batches import TokenizedTexts, collate
from glove_lstm.training.calibration import fit_scale

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BATCH = 32  # texts at a time
_FOLDS = 3
_OPENING = 0.5  # length of the vector of an opening's n-grams, beside the others' 1
_LOG_SCALES = (np.log(0.05), np.log(50))
_STRENGTHS = (1e-3, 1e-2, 0.1, 1.0)  # shares of the largest C that are tried
_ABSENT = -1.0  # logit of a label that no training text has: a text on the wrong side of the margin


@dataclass(frozen=True)
class _Weights:
    """Of n-grams (n, labels), and a bias (labels,)."""

    table: Floats
    bias: Floats


@dataclass(frozen=True)
class NgramFit:
    """Settings of an n-gram fit.

    Attributes:
        strength: C of the support vector machine.
        scale: Factor that calibrates its logits on new texts.
    """

    strength: float
    scale: float = 1.0


@torch.no_grad()
def fit_ngrams(
    model: GloveLstmForSequenceClassification,
    texts: TokenizedTexts,
    *,
    strength: float = 5.0,
    how: NgramFit | None = None,
    groups: Ints | None = None,
) -> NgramFit:
    """Fit the n-gram classifier's tables to texts.

    With mistyped copies the weights are the mean over several machines: one for the texts alone, and one for the texts
    with each copy. The weight of a rare n-gram may grow further than that of a frequent one, by the root of its inverse
    document frequency. In fine-tuning the logits of the earlier weights are one more feature for each label.

    Args:
        model: Its n-gram classifier is fitted, if it has one.
        texts: With labels. Of `MistypedPairs` the copies are fitted, too.
        strength: The largest C of the support vector machine that is tried.
        how: Settings of an earlier call; None chooses them by cross-fitting.
        groups: (n,) Texts of one group, such as duplicates, stay in one fold of cross-fitting. None: each text is a
            group.

    Returns:
        The settings of the fit.
    """
    if model.ngrams is None:
        return NgramFit(strength)
    count = len(model.config.label_names)
    parts, labels = _read(model, texts)
    if len(np.unique(labels)) < 2:
        logger.warning(
            "All training texts have one label: the n-gram classifier learns nothing from them."
        )
        return NgramFit(strength)
    before = _Weights(
        np.concatenate([held.double().numpy(force=True) for _, held in _tables(model)]),
        model.ngrams.bias.double().numpy(force=True),
    )
    reach = _reach(model, parts[0])
    rows = [_features(part, reach, before) for part in parts]
    # One copy is enough for cross-fitting.
    if how is None:
        folds = _folds(labels, np.arange(len(labels)) if groups is None else groups)
        how = _cross_fit(rows[:2], labels, folds, count, strength)
    machines = [
        _fit([rows[0], *copy], labels, count, how.strength)
        for copy in ([], *([part] for part in rows[1:]))
    ]
    fitted = _Weights(
        np.mean([machine.table for machine in machines], axis=0),
        np.mean([machine.bias for machine in machines], axis=0),
    )
    width = len(reach)
    mix = fitted.table[width:]  # (labels, labels) of the logits before; empty if there were none
    table, bias = fitted.table[:width] * reach[:, None], fitted.bias
    if len(mix):
        table, bias = table + before.table @ mix, bias + before.bias @ mix
    for index, (_, held) in enumerate(_tables(model)):
        held.copy_(torch.from_numpy(how.scale * table[_columns(model, index)]))
    model.ngrams.bias.copy_(torch.from_numpy(how.scale * bias))
    return how


def _reach(model: GloveLstmForSequenceClassification, part: csr_matrix) -> Floats:
    """Scale of each n-gram's weight, (n-grams,)."""
    seen = np.bincount(part.indices, minlength=part.shape[1])
    reach = np.sqrt(1 + np.log((1 + part.shape[0]) / (1 + seen)))
    for index, (name, _) in enumerate(_tables(model)):
        if name == "opening_weights":
            reach[_columns(model, index)] *= _OPENING
    return reach


def _features(part: csr_matrix, reach: Floats, before: _Weights) -> csr_matrix:
    """Scaled n-grams and, if the tables hold weights already, the logits that these give."""
    rows = part @ diags(reach)
    if before.table.any():
        rows = hstack([rows, csr_matrix(part @ before.table + before.bias)])
    return rows.tocsr()


def _tables(model: GloveLstmForSequenceClassification) -> list[tuple[str, torch.Tensor]]:
    assert model.ngrams is not None
    return [(name, table) for name, table in model.ngrams.named_parameters() if name != "bias"]


def _columns(model: GloveLstmForSequenceClassification, index: int) -> slice:
    """Columns of one table among those of all tables."""
    sizes = [len(table) for _, table in _tables(model)]
    return slice(sum(sizes[:index]), sum(sizes[: index + 1]))


def _read(
    model: GloveLstmForSequenceClassification, texts: TokenizedTexts
) -> tuple[list[csr_matrix], Ints]:
    """Read features (texts, n-grams), the roots of shares, of the texts and of each copy; and labels."""
    ngrams = model.ngrams
    assert ngrams is not None
    device = ngrams.word_weights.device
    starts = {name: _columns(model, index).start for index, (name, _) in enumerate(_tables(model))}
    width = sum(len(table) for _, table in _tables(model))
    rows: list[list[csr_matrix]] = []
    labels: list[Ints] = []
    for start in range(0, len(texts), _BATCH):
        wanted = range(start, min(start + _BATCH, len(texts)))
        batch = {
            name: values.to(device) for name, values in collate(texts.__getitems__(wanted)).items()
        }
        inputs = batch["input_ids"], batch.get("token_type_ids"), batch["attention_mask"].bool()
        entries = []
        for group in ngrams.groups(*inputs):
            text, place = group.present.nonzero(as_tuple=True)
            column = group.rows[text, place] + starts[group.name]
            shares = 1 / group.present.sum(dim=1).double()[text]
            entries.append(torch.stack([text.double(), column.double(), shares]).numpy(force=True))
        row, column, share = np.concatenate(entries, axis=1)
        size = len(inputs[0])
        found = csr_matrix(
            (share, (row.astype(np.int32), column.astype(np.int32))), shape=(size, width)
        )
        found.sum_duplicates()
        found.data = np.sqrt(found.data)
        for copy in range(size // len(wanted)):
            if copy == len(rows):
                rows.append([])
            rows[copy].append(found[copy * len(wanted) : (copy + 1) * len(wanted)])
        labels.append(batch["labels"][: len(wanted)].numpy(force=True))
    return [vstack(part).tocsr() for part in rows], np.concatenate(labels)


def _fit(parts: list[csr_matrix], labels: Ints, count: int, strength: float) -> _Weights:
    machine = LinearSVC(C=strength, dual=True, random_state=0)  # its solver shuffles
    with warnings.catch_warnings():
        # An unconverged solution gives the same labels.
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(vstack(parts).tocsr(), np.tile(labels, len(parts)))
    weights, bias = machine.coef_.T, machine.intercept_
    if len(machine.classes_) == 2:
        weights, bias = weights * [-0.5, 0.5], bias * [-0.5, 0.5]
    table, every = np.zeros((len(weights), count)), np.full(count, _ABSENT)
    table[:, machine.classes_], every[machine.classes_] = weights, bias
    return _Weights(table, every)


def _folds(labels: Ints, groups: Ints) -> list[tuple[Ints, Ints]]:
    """Rows to fit on and rows to score, for each fold; no folds if one would be fitted on a single label."""
    number = min(_FOLDS, *(len(np.unique(groups[labels == label])) for label in np.unique(labels)))
    if number < 2:
        return []
    tests = grouped_stratified_split(labels, groups, [1 / number] * number, seed=0)
    folds = [(np.setdiff1d(np.arange(len(labels)), test), test) for test in tests]
    return folds if all(len(np.unique(labels[train])) > 1 for train, _ in folds) else []


def _cross_fit(
    parts: list[csr_matrix],
    labels: Ints,
    folds: list[tuple[Ints, Ints]],
    count: int,
    strength: float,
) -> NgramFit:
    """Choose strength and scale by the cross-entropy on texts that a machine was not fitted on.

    C grows for as long as that helps: a large C is slow on texts that no plane separates.
    """
    if not folds:
        return NgramFit(strength)
    best, least = NgramFit(strength), np.inf
    for share in _STRENGTHS:
        logits = np.zeros((len(labels), count))
        for train, test in folds:
            fitted = _fit([part[train] for part in parts], labels[train], count, share * strength)
            logits[test] = parts[0][test] @ fitted.table + fitted.bias
        scale, loss = fit_scale(logits, labels, _LOG_SCALES)
        if loss >= least:
            break
        best, least = NgramFit(share * strength, scale), loss
    return best
