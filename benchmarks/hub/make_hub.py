"""Make hub/, the default checkpoint: exactly what a push uploads.

python -m benchmarks.hub.make_hub --data_dir DATA --glove 6B.100d

Arguments of `glove-lstm train` may follow. hub/ changes at the end only. hub_card.md has paragraphs of the card, and gets a table
of the corpora that were only measured; `python -m benchmarks.hub.hub_code` writes card and code without a training.
"""

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from benchmarks.corpora import named_labels
from benchmarks.hub.corpora import hub_corpus, other_corpora
from benchmarks.hub.hub_code import fill_other_corpora, write_hub_code
from benchmarks.models import FIRST_SEED, Settings
from benchmarks.records import record
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.commands.command import new_parser, run_command
from glove_lstm.commands.train import parse_arguments
from glove_lstm.evaluation.metrics import Measures, compute_metrics
from glove_lstm.evaluation.robustness import measure_robustness
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.evaluation.run_metrics import measure_baseline, run_metrics
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.decisions import scores_of
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.inference.promise import held_out_scores
from glove_lstm.publishing.save import save
from glove_lstm.tables.examples import Examples
from glove_lstm.training.fit import Trained, fit

# Rows are many and alike: fewer passes, in larger batches, than for a corpus of some thousand texts.
ARGUMENTS: dict[str, Any] = {
    "num_train_epochs": 5,
    "per_device_train_batch_size": 32,
    "vocab_size": 32_000,
}
# Of texts of other sources, a model calls too many FAKE: this was fitted to corpora that were left out in turn
# (DECISIONS.md).
_BIAS = 0.35
# The share of statements that may be mistaken with a score of `_SURE` or more.
_MOST_MISTAKEN = 0.03
_SURE = 0.8
# Invented titles of the card, each with the label of sources that write in this style.
EXAMPLES = (
    ("Senate passes budget bill after late-night vote", "REAL"),
    ("Mayor answers questions about the new bridge", "REAL"),
    ("Central bank leaves interest rates unchanged as inflation slows", "REAL"),
    ("Court hears arguments in dispute over voting districts", "REAL"),
    ("Two ministers resign ahead of Thursday's confidence vote", "REAL"),
    ("Council cuts library hours; residents object", "REAL"),
    ("You won't BELIEVE what they are hiding from you!!!", "FAKE"),
    ("BREAKING: Secret emails PROVE the election was stolen", "FAKE"),
    ("Doctors stunned: kitchen spice cures cancer overnight", "FAKE"),
    ("The globalists' plan for your town, and why the media stay silent", "FAKE"),
    ("Pope endorses candidate, WikiLeaks confirms", "FAKE"),
    ("Scientists admit that the moon landing was filmed in a desert", "FAKE"),
)
_STATEMENTS = Path(__file__).parents[2] / "tests" / "statements"


def main(argv: Sequence[str]) -> None:
    """Train, measure and write."""
    parser = new_parser("python -m benchmarks.hub.make_hub", __doc__)
    add = parser.add_argument
    add("--data_dir", type=Path, required=True, help="a folder that holds the corpora")
    add("--glove", required=True, help="a name or a file, as for train.py")
    add("--output_dir", type=Path, default=DEFAULT_CHECKPOINT, help="default: hub/ of this clone")
    args, rest = parser.parse_known_args(argv)
    settings = Settings(args.glove, ARGUMENTS | parse_arguments(rest))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "hub"
        _make(folder, args.data_dir, settings, is_default=args.output_dir == DEFAULT_CHECKPOINT)
        shutil.copytree(folder, args.output_dir, dirs_exist_ok=True)
    sys.stdout.write(f"Made {args.output_dir}\n")


def _make(folder: Path, data_dir: Path, settings: Settings, *, is_default: bool) -> None:
    """Write a new folder; for the default checkpoint, hub_card.md gets new figures."""
    corpus = hub_corpus(data_dir)
    train, test = corpus.train, corpus.test
    # Without its progress bar the Trainer prints.
    with redirect_stdout(sys.stderr):
        trained = fit(
            train.texts,
            named_labels(train),
            (corpus.validation.texts, named_labels(corpus.validation)),
            settings=settings.of_training("default", FIRST_SEED),
            label_names=train.label_names,
            sample_weight=train.weights,
            glove=settings.glove,
            compute_metrics=compute_metrics,
        )
    trained = move_bias(raise_temperature(trained), _BIAS)
    trained.model.config.text_column_names = ["title", "text"]
    classified = replace(test, logits=trained.classifier.predict_logits(test.texts))
    metrics = MetricsFile(
        trained.record, corpus.description, language="en", license="apache-2.0", is_news=True
    )
    run_metrics(trained, classified, metrics)
    others = other_corpora(data_dir)
    metrics.baseline = measure_baseline(trained, test, others)
    if is_default and metrics.baseline is not None:
        fill_other_corpora(_measure_others(trained.classifier, others), metrics.baseline)
    metrics.robustness = measure_robustness(trained.classifier, test.texts, test.labels)
    metrics.others = {
        "examples": _classify_examples(trained.classifier),
        "made_by": record(),
    }
    save(trained, folder, metrics, classified)
    export_onnx(folder)
    write_hub_code(folder)


def move_bias(trained: Trained, bias: float) -> Trained:
    """Add a bias to the difference of the two calibrated logits, the second minus the first."""
    model = trained.model
    validation = trained.validation
    assert model.ngrams is not None
    assert validation is not None
    half = bias * model.config.temperature / model.config.ngram_weight / 2
    model.ngrams.bias.data += torch.tensor([-half, half])
    moved = replace(trained)  # its classifier has the new bias
    logits = moved.classifier.predict_logits(validation.texts)
    scores = scores_of(logits, model.config.problem_type)
    model.config.held_out_scores = held_out_scores(scores, validation.labels, "people")
    return replace(moved, validation=replace(validation, logits=logits))


def raise_temperature(trained: Trained) -> Trained:
    """Raise the temperature until few plain or absurd statements are mistaken with a high score, cased or lower-cased.

    The statements are unlike all corpora, and scores that are calibrated on these are too high for them. Only the first
    half of each file is read; the test of the checkpoint reads both.
    """
    classifier = trained.classifier
    wrong_logits = []  # by file and case: of the wrong label, minus those of the right one
    for file, right_label in (("plain", "REAL"), ("absurd", "FAKE")):
        statements = (_STATEMENTS / f"{file}.txt").read_text(encoding="utf-8").splitlines()
        half = statements[: len(statements) // 2]
        right = classifier.label_names.index(right_label)
        for texts in (half, [text.lower() for text in half]):
            logits = classifier.predict_logits(texts)
            wrong_logits.append(logits[:, 1 - right] - logits[:, right])

    def most_mistaken(factor: float) -> float:
        """Return the largest share that is mistaken with a high score, at so many times the temperature."""
        shares = [(expit(wrong / factor) >= _SURE).mean() for wrong in wrong_logits]
        return float(max(shares))

    factor = 1.0
    while most_mistaken(factor) > _MOST_MISTAKEN:
        factor *= 1.05
    config = trained.model.config
    config.temperature *= factor
    calibration = trained.record.calibration
    validation = trained.validation
    assert calibration is not None
    assert validation is not None
    return replace(
        trained,
        validation=replace(validation, logits=validation.logits / np.float32(factor)),
        record=replace(
            trained.record, calibration=replace(calibration, temperature=config.temperature)
        ),
    )


def _measure_others(
    classifier: LightClassifier, others: Mapping[str, Examples]
) -> dict[str, Measures]:
    """Measure the classifier on corpora that the training did not use: name -> measures."""
    measured = {}
    for name, texts in others.items():
        scores = classifier.predict_proba(texts.texts)
        measured[name] = Measures.of(
            scores, texts.labels, classifier.label_names, classifier.thresholds
        )
    return measured


def _classify_examples(classifier: LightClassifier) -> list[dict[str, Any]]:
    """Label the examples."""
    answers = classifier([text for text, _ in EXAMPLES])
    return [
        {"text": text, "style": style, **answer}
        for (text, style), answer in zip(EXAMPLES, answers, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
