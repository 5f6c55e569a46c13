"""The bias of the default checkpoint for texts of other sources: corpora are left out in turn.

python -m benchmarks.unseen_sources --data_dir ../shared/data --glove ~/.cache/glove/glove.6B.100d.partial.txt

For each corpus of the default checkpoint with both labels, a model is trained and calibrated without this corpus, its
publishers and near duplicates of its texts, as `make_hub` trains the checkpoint, but on at most 1,500 texts of a corpus
and for three epochs. It then classifies the corpus. The bias of a corpus is fitted to the other ones; the bias of all
is that of `make_hub`. Half an hour.
"""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from benchmarks.corpora import (
    HUB_CALIBRATION_CORPORA,
    LEFT_OUT,
    NAMES,
    NOT_IN_HUB,
    TRAINING_CORPORA,
    corpus,
    hold_out,
    join,
    labelled_texts,
    named_labels,
    news_corpus,
    select,
    training_weights,
    unseen,
)
from benchmarks.make_hub import ARGUMENTS, raise_temperature
from benchmarks.models import FIRST_SEED, Settings
from benchmarks.records import markdown_table
from benchmarks.sources import corpora_and_publishers
from glove_lstm.commands.command import new_parser, run_command
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.training.fit import fit

_MOST = 1_500  # texts of a corpus
_EPOCHS = 3


@dataclass(frozen=True)
class Predictions:
    """The texts of a corpus that was left out.

    Attributes:
        margins: (n,) calibrated logit of REAL minus that of FAKE.
        labels: (n,) 1 for REAL.
    """

    margins: NDArray[np.float64]
    labels: NDArray[np.int64]

    def measures(self, bias: float) -> list[float]:
        """Return the share of REAL, balanced accuracy and calibration error with a bias."""
        margins = self.margins + bias
        is_real = margins > 0
        balanced = (is_real[self.labels == 1].mean() + (~is_real)[self.labels == 0].mean()) / 2
        real = expit(margins)
        scores = np.stack([1 - real, real], axis=1)
        return [is_real.mean(), balanced, expected_calibration_error(scores, self.labels)]


def main(argv: Sequence[str]) -> None:
    """Leave the corpora out in turn, and print a table and the bias."""
    parser = new_parser("python -m benchmarks.unseen_sources", __doc__)
    parser.add_argument(
        "--data_dir", type=Path, required=True, help="a folder that holds the corpora"
    )
    parser.add_argument("--glove", required=True, help="a name or a file, as for train.py")
    args = parser.parse_args(argv)
    settings = Settings(args.glove, ARGUMENTS | {"num_train_epochs": _EPOCHS})
    left_out = {}
    for name in LEFT_OUT:
        if name not in NOT_IN_HUB:
            with redirect_stdout(sys.stderr):
                left_out[name] = _classify_unseen(name, args.data_dir, settings)
    lines = []
    for name, predictions in left_out.items():
        bias = fit_bias([others for other, others in left_out.items() if other != name])
        figures = [predictions.labels.mean(), *predictions.measures(0), *predictions.measures(bias)]
        lines.append([name, f"{bias:.2f}", *(f"{figure:.3f}" for figure in figures)])
    without_bias = ["share of REAL", "balanced accuracy", "calibration error"]
    with_bias = [f"{name} with the bias" for name in without_bias]
    heads = ["corpus", "bias", "REAL", *without_bias, *with_bias]
    sys.stdout.write(markdown_table(heads, lines))
    sys.stdout.write(f"The bias of all: {fit_bias(list(left_out.values())):.2f}\n")


def fit_bias(corpora: Sequence[Predictions]) -> float:
    """Return the bias with the smallest cross-entropy, if all corpora and labels weigh alike."""

    def loss(bias: float) -> float:
        total = 0.0
        for predictions in corpora:
            losses = np.logaddexp(0, (1 - 2 * predictions.labels) * (predictions.margins + bias))
            total += losses[predictions.labels == 1].mean() + losses[predictions.labels == 0].mean()
        return total

    return float(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)


def _classify_unseen(name: str, folder: Path, settings: Settings) -> Predictions:
    """Train without a corpus, and classify it."""
    own, _ = news_corpus(folder)
    names = [other for other in TRAINING_CORPORA if other not in (name, *NOT_IN_HUB)]
    others = [corpus(folder, other, min(_MOST, TRAINING_CORPORA[other])) for other in names]
    rows = join([own, *others])
    tests = corpus(folder, name, _MOST)
    _, publishers = corpora_and_publishers(tests["source"].tolist())
    _, publisher_of = corpora_and_publishers(rows["source"].tolist())
    is_hidden = np.isin(publisher_of, publishers) & (publisher_of != "")
    rows = select(rows, np.flatnonzero(~is_hidden))
    tests = select(tests, unseen(tests, rows))

    calibrating = [other for other in HUB_CALIBRATION_CORPORA if other != name]
    train, validation = (select(rows, part) for part in hold_out(rows, calibrating))
    texts = labelled_texts(train, NAMES)
    held_out = labelled_texts(validation, NAMES)
    trained = fit(
        texts.texts,
        named_labels(texts),
        (held_out.texts, named_labels(held_out)),
        settings=settings.of_training("default", FIRST_SEED),
        label_names=NAMES,
        sample_weight=training_weights(train["source"].tolist(), train["label"].tolist()),
        glove=settings.glove,
    )
    trained = raise_temperature(trained)
    logits = trained.classifier.predict_logits(labelled_texts(tests, NAMES).texts)
    return Predictions((logits[:, 1] - logits[:, 0]).astype(np.float64), tests["label"].to_numpy())


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
