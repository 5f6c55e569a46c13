"""The n-gram classifier's weights: a linear support vector machine over the training texts, solved to its optimum.

The problem is convex: no learning rate, number of epochs or seed matters. Cross-fitting chooses how closely the weights
follow the texts.
"""

import logging
import warnings
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from glove_lstm.data.splits import grouped_stratified_split
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier
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
    ngrams: GloveLstmNgramClassifier,
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
        ngrams: Is fitted.
        texts: With labels. Of `MistypedPairs` the copies are fitted, too.
        strength: The largest C of the support vector machine that is tried.
        how: Settings of an earlier call; None chooses them by cross-fitting.
        groups: (n,) Texts of one group, such as duplicates, stay in one fold of cross-fitting. None: each text is a
            group.

    Returns:
        The settings of the fit.
    """
    tables = {name: table for name, table in ngrams.named_parameters() if name != "bias"}
    ends = np.cumsum([len(table) for table in tables.values()])
    starts = dict(zip(tables, [0, *ends.tolist()], strict=False))
    width = int(ends[-1])
    parts, labels = _read(ngrams, texts, starts, width)
    if len(np.unique(labels)) < 2:
        logger.warning("All texts have one label: the n-gram classifier learns nothing from them.")
        return NgramFit(strength)
    seen = np.bincount(parts[0].indices, minlength=width)
    reach = np.sqrt(1 + np.log((1 + len(labels)) / (1 + seen)))  # scale of each n-gram's weight
    if "opening_weights" in tables:
        reach[starts["opening_weights"] :][: len(tables["opening_weights"])] *= _OPENING
    held = torch.cat([*tables.values(), ngrams.bias[None]]).double().numpy(force=True)
    rows = [(part @ diags(reach)).tocsr() for part in parts]
    if held[:-1].any():
        rows = [
            hstack([row, csr_matrix(_logits(part, held))]).tocsr()
            for row, part in zip(rows, parts, strict=True)
        ]
    count = len(ngrams.bias)
    if how is None:
        groups = np.arange(len(labels)) if groups is None else groups
        how = _cross_fit(rows[:2], labels, groups, count, strength)  # one copy is enough
    copies: list[list[csr_matrix]] = [[], *([part] for part in rows[1:])]
    machines = [_fit([rows[0], *copy], labels, count, how.strength) for copy in copies]
    fitted = np.mean(machines, axis=0)
    weights = np.concatenate([fitted[:width] * reach[:, None], fitted[-1:]])
    mix = fitted[width:-1]  # (labels, labels) of the logits before; empty if there were none
    if len(mix):
        weights += held @ mix
    for table, values in zip(
        [*tables.values(), ngrams.bias[None]], np.split(how.scale * weights, ends), strict=True
    ):
        table.copy_(torch.from_numpy(values))
    return how


def _logits(rows: csr_matrix, weights: Floats) -> Floats:
    """Logits (n, labels), by weights (features + 1, labels) of which the last row is the bias."""
    return np.asarray(rows @ weights[:-1] + weights[-1])


def _read(
    ngrams: GloveLstmNgramClassifier, texts: TokenizedTexts, starts: Mapping[str, int], width: int
) -> tuple[list[csr_matrix], Ints]:
    """Read features (texts, n-grams), the roots of shares, of the texts and of each copy; and labels."""
    rows: defaultdict[int, list[csr_matrix]] = defaultdict(list)
    labels: list[Ints] = []
    for start in range(0, len(texts), _BATCH):
        wanted = min(_BATCH, len(texts) - start)
        batch = collate(texts.__getitems__(range(start, start + wanted)))
        labels.append(batch["labels"][:wanted].numpy())
        batch = {name: values.to(ngrams.bias.device) for name, values in batch.items()}
        ids, mask = batch["input_ids"], batch["attention_mask"].bool()
        entries = []
        for group in ngrams.groups(ids, batch.get("token_type_ids"), mask):
            text, place = group.present.nonzero(as_tuple=True)
            column = group.rows[text, place] + starts[group.name]
            shares = 1 / group.present.sum(dim=1).double()[text]
            entries.append(torch.stack([text.double(), column.double(), shares]).numpy(force=True))
        row, column, share = np.concatenate(entries, axis=1)
        places = row.astype(np.int32), column.astype(np.int32)
        features = csr_matrix((share, places), shape=(len(ids), width))
        features.sum_duplicates()
        features.data = np.sqrt(features.data)
        for copy in range(len(ids) // wanted):
            rows[copy].append(features[copy * wanted : (copy + 1) * wanted])
    return [vstack(part).tocsr() for part in rows.values()], np.concatenate(labels)


def _fit(parts: list[csr_matrix], labels: Ints, count: int, strength: float) -> Floats:
    """Fit weights (features + 1, labels) of which the last row is the bias."""
    machine = LinearSVC(C=strength, dual=True, random_state=0)  # its solver shuffles
    with warnings.catch_warnings():
        # An unconverged solution gives the same labels.
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(vstack(parts).tocsr(), np.tile(labels, len(parts)))
    fitted = np.column_stack([machine.coef_, machine.intercept_]).T
    if len(machine.classes_) == 2:
        fitted = fitted * [-0.5, 0.5]
    weights = np.zeros((len(fitted), count))
    weights[-1] = _ABSENT
    weights[:, machine.classes_] = fitted
    return weights


def _folds(labels: Ints, groups: Ints) -> list[tuple[Ints, Ints]]:
    """Rows to fit on and rows to score, for each fold; no folds if one would be fitted on a single label."""
    number = min(_FOLDS, *(len(np.unique(groups[labels == label])) for label in np.unique(labels)))
    if number < 2:
        return []
    tests = grouped_stratified_split(labels, groups, [1 / number] * number, seed=0)
    folds = [(np.setdiff1d(np.arange(len(labels)), test), test) for test in tests]
    return folds if all(len(np.unique(labels[train])) > 1 for train, _ in folds) else []


def _cross_fit(
    parts: list[csr_matrix], labels: Ints, groups: Ints, count: int, strength: float
) -> NgramFit:
    """Choose strength and scale by the cross-entropy on texts that a machine was not fitted on.

    C grows for as long as that helps: a large C is slow on texts that no plane separates.
    """
    best, least = NgramFit(strength), np.inf
    folds = _folds(labels, groups)
    for share in _STRENGTHS if folds else ():
        logits = np.zeros((len(labels), count))
        for train, test in folds:
            weights = _fit([part[train] for part in parts], labels[train], count, share * strength)
            logits[test] = _logits(parts[0][test], weights)
        scale, loss = fit_scale(logits, labels, _LOG_SCALES)
        if loss >= least:
            break
        best, least = NgramFit(share * strength, scale), loss
    return best
