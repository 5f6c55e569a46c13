"""A scikit-learn classifier that trains, measures, saves and publishes as the commands do."""

import difflib
import json
import logging
import random
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Self

import datasets
import numpy as np
import torch
from huggingface_hub import CommitInfo
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from transformers.utils import logging as transformers_logging

from glove_lstm.data.files import DataError
from glove_lstm.data.in_memory import read_texts
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.evaluation.report import Report
from glove_lstm.evaluation.run_metrics import run_metrics
from glove_lstm.inference.checkpoint_files import WEIGHTS_NAME, digest, local_folder
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.explanation import Explanation, explain
from glove_lstm.inference.prediction import predict_probabilities
from glove_lstm.inference.scores import SEVERAL
from glove_lstm.publishing.checkpoint import stage_checkpoint
from glove_lstm.publishing.checkpoint_folder import save_experiment
from glove_lstm.publishing.hub_upload import Destination, check_destination, push_folder
from glove_lstm.training.arguments import (
    DataArguments,
    GloveLstmTrainingArguments,
    ModelArguments,
    TokenizerArguments,
    as_words,
    parse_training_run,
)
from glove_lstm.training.experiment import Experiment, run_experiment
from glove_lstm.training.labelled_texts import (
    as_label_names,
    labelled_rows,
    python_labels,
    read_labels,
    training_data,
)
from glove_lstm.training.resuming import FIRST_MODEL
from glove_lstm.training.training_texts import TrainingTexts, load_training_texts

# What only the command takes; `fit` gets the texts, `push_to_hub` the repository.
_REFUSED = {field.name for field in fields(DataArguments)} - {"on_empty", "min_validation"}
_REFUSED |= {"help", "push_to_hub", "resume_from_checkpoint", "training_texts"}
_GROUPS = DataArguments, TokenizerArguments, ModelArguments, GloveLstmTrainingArguments
_TRAINING_ARGUMENTS = sorted(
    {field.name for group in _GROUPS for field in fields(group)} - _REFUSED
)
_OPTION = re.compile(r"--(\w+)(?:/--[\w-]+)?")  # argparse names both spellings
_WEIGHTS = "class_weight.json"  # written for the command, whose argument is a file
_ALONE = threading.Lock()  # threads share the global random generators


class GloveLstmClassifier(ClassifierMixin, BaseEstimator):
    """A GloVe+LSTM text classifier for scikit-learn, trained by the code of `glove-lstm train`.

    Args:
        glove: Word vectors: a name such as "6B.50d", or a file.
        preset: Recipe to start from: "default" or "article".
        class_weight: "balanced", or label -> weight; None: each text counts alike.
        random_state: Seed, or a numpy `RandomState` that draws it. The same seed gives the same model.
        verbose: 0 hides the progress bars, the log of the training and transformers' report on a loaded checkpoint.
        **training_arguments: Arguments of `glove-lstm train` by name, such as `num_train_epochs`, `learning_rate`,
            `vocab_size`, `max_steps`, `use_cpu`, `on_empty` or `model_name_or_path` (a checkpoint to fine-tune);
            docs/train.md names the exceptions. `fit` checks them. Without `output_dir`, training writes no checkpoints.

    Attributes:
        classes_: Sorted labels, (classes,).
        model_: The classifier as a transformers model.
        tokenizer_: Its tokenizer.
    """

    _texts: TrainingTexts | None
    _origin: Experiment | Path

    def __init__(
        self,
        glove: str | Path = "6B.50d",
        *,
        preset: str = "default",
        class_weight: Any = None,
        random_state: Any = None,
        verbose: int = 1,
        **training_arguments: Any,
    ) -> None:
        self.glove = glove
        self.preset = preset
        self.class_weight = class_weight
        self.random_state = random_state
        self.verbose = verbose
        self._training_arguments = training_arguments

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all arguments, with the training arguments that were given."""
        return {**super().get_params(deep), **self._training_arguments}

    def set_params(self, **params: Any) -> Self:
        """Set arguments, also training arguments that were not given before."""
        own = {name: params.pop(name) for name in self._get_param_names() if name in params}
        self._training_arguments = {**self._training_arguments, **params}
        return super().set_params(**own)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = tags.input_tags.allow_nan = True
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, X: Any, y: Any, validation: Any = 0.1) -> Self:
        """Train a new classifier; with `model_name_or_path`, fine-tune that checkpoint.

        Args:
            X: n texts, or n pairs (title, body): a list, an array, or a column or data frame of pandas or polars.
            y: n labels: strings, whole numbers or booleans.
            validation: Texts and labels to calibrate the scores on; or the share of the texts to hold out for that,
                with near duplicates on one side: these train the final model, too (`refit`). None: the scores are not
                calibrated.

        Raises:
            DataError: An argument, a text or a label cannot be used.
        """
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        with tempfile.TemporaryDirectory() as scratch, _undisturbed(self.verbose):
            words = as_words(self._arguments(seed, Path(scratch)))
            try:
                run = parse_training_run(words)
            except DataError as error:
                raise DataError(_in_python(str(error))) from None
            labels = read_labels(y)
            data = training_data(X, labels, validation, run)
            verbose = bool(self.verbose)
            try:
                experiment = run_experiment(run, data, None, compute_metrics, print_log=verbose)
            except DataError as error:
                file = str(Path(scratch, _WEIGHTS))
                sentence = str(error).replace(file, "class_weight")
                raise DataError(_in_python(sentence)) from None
        no_texts = dict.fromkeys(experiment.splits, datasets.Dataset.from_dict({}))
        self._texts, self._origin = experiment.training_texts, replace(experiment, splits=no_texts)
        return self._set_model(experiment.model, experiment.tokenizer)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the best label of each text, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return scores (n, classes), columns in the order of `classes_`."""
        check_is_fitted(self)
        scores = predict_probabilities(self.model_, self.tokenizer_, *read_texts(X))
        return scores[:, self._columns]

    def explain(self, text: str, text_pair: str | None = None, *, label: Any = None) -> Explanation:
        """Return the contribution of each word to a label; see `glove_lstm.explain`."""
        check_is_fitted(self)
        name = None if label is None else as_label_names(np.array([label]))[0]
        return explain(self.model_, self.tokenizer_, text, text_pair, label=name)

    def evaluate(self, X: Any, y: Any, *, robustness: bool = False) -> Report:
        """Measure the classifier, with `robustness` on perturbed texts, too, as `glove-lstm evaluate` does.

        Texts that `fit` has seen are left out. The report has `figures`, and the methods `text` and `save`.
        """
        check_is_fitted(self)
        names = self.model_.config.label_names
        report = Report()
        unseen = report.add_seen(self._texts, labelled_rows(X, read_labels(y), names, "keep"))
        if not len(unseen):
            raise DataError(f"{report.describe_seen('the classifier')} Give other texts.")
        report.add_model(self.model_, self.tokenizer_, unseen, robustness=robustness)
        return report

    def save_pretrained(self, folder: str | Path) -> None:
        """Write what `glove-lstm train` writes; a loaded classifier copies its files, without changes of `model_`."""
        check_is_fitted(self)
        if isinstance(self._origin, Path):  # it was loaded
            weights = self._origin / WEIGHTS_NAME
            if not weights.is_file() or digest(weights) != self._digest:
                raise DataError(f"{weights} is not the file that was loaded; load it again.")
            if self._origin.resolve() != Path(folder).resolve():
                skipped = shutil.ignore_patterns("checkpoint-*", FIRST_MODEL, ".*")  # as .git
                shutil.copytree(self._origin, folder, ignore=skipped, dirs_exist_ok=True)
            return
        with _undisturbed(self.verbose):
            save_experiment(self._origin, run_metrics(self._origin), Path(folder))

    def push_to_hub(
        self, repo_id: str, *, training_texts: bool = True, **options: Any
    ) -> CommitInfo:
        """Check the classifier and push it to the Hugging Face Hub, as `glove-lstm push` does.

        `training_texts=False` leaves out the record of the training texts, by which anyone can test whether a text was
        in the training. Other options: `private=True` for a new private repository, `revision` for a branch, `token`
        for another login.
        """
        to = Destination(repo_id, **options)
        check_destination(to)
        with tempfile.TemporaryDirectory() as scratch:
            saved, staged = Path(scratch) / "saved", Path(scratch) / "staged"
            self.save_pretrained(saved)
            stage_checkpoint(saved, staged, repo_id, training_texts=training_texts)
            return push_folder(staged, to)

    @classmethod
    def from_pretrained(cls, model: str | Path, revision: str | None = None) -> Self:
        """Load a classifier from a folder or the Hub; its `fit` fine-tunes it.

        Labels have the type that they had in `fit`; those of a checkpoint of `glove-lstm train` are strings.
        """
        folder = local_folder(model, revision, "*")
        loaded = cls(model_name_or_path=str(folder if revision else model))
        with _undisturbed(verbose=0):
            classifier, tokenizer = load_checkpoint(folder)
        loaded._texts, loaded._origin = load_training_texts(folder), folder
        loaded._digest = digest(folder / WEIGHTS_NAME)
        if classifier.config.problem_type == SEVERAL:
            raise DataError(f"{model} gives several labels a text; use LightClassifier.")
        return loaded._set_model(classifier, tokenizer)

    def _set_model(self, model: Any, tokenizer: Any) -> Self:
        """Take over a model; its config has the type of the labels."""
        self.model_ = model
        self.tokenizer_ = tokenizer
        labels = python_labels(model.config.label_names, model.config.label_type)
        self._columns = np.argsort(labels, kind="stable")
        self.classes_ = labels[self._columns]
        return self

    def _arguments(self, seed: int, scratch: Path) -> dict[str, Any]:
        """Return the arguments of the command; files that they name are in `scratch`."""
        given, weights = self._training_arguments, self.class_weight
        for name in given:
            _check_argument(name)
        if given.get("model_name_or_path") and self.glove not in (None, "6B.50d"):
            raise DataError("glove is of a new model; leave it out beside model_name_or_path.")
        if self.glove is None and not given.get("model_name_or_path"):
            raise DataError("glove is None; give a name or a file of word vectors.")
        if self.random_state is not None and "seed" in given:
            raise DataError("random_state and seed are the same; give one of them.")
        if weights is not None and weights != "balanced" and not isinstance(weights, dict):
            allowed = "'balanced', a dictionary of labels and weights, or None"
            raise DataError(f"class_weight must be {allowed}, not {weights!r}.")
        if isinstance(weights, dict):
            by_name = zip(as_label_names(np.array(list(weights))), weights.values(), strict=True)
            weights = scratch / _WEIGHTS
            # numpy's numbers as Python's
            weights.write_text(json.dumps(dict(by_name), default=float), encoding="utf-8")
        writes = "output_dir" in given or "load_best_model_at_end" in given
        return {
            "preset": self.preset,
            "glove": None if given.get("model_name_or_path") else self.glove,
            "class_weight": weights,
            "seed": seed,
            "disable_tqdm": not self.verbose,
            "output_dir": scratch,
            "save_strategy": None if writes else "no",
            **given,
        }


def _check_argument(name: str) -> None:
    """Refuse what is no argument of the training, or is one of the command alone."""
    problem = f"GloveLstmClassifier has no argument {name}"
    if name in _REFUSED or name.startswith("hub_"):
        raise DataError(f"{problem}; leave it out.")
    if name not in _TRAINING_ARGUMENTS:
        close = difflib.get_close_matches(name, _TRAINING_ARGUMENTS, n=1)
        if close:
            raise DataError(f"{problem}; did you mean {close[0]}?")
        raise DataError(f"{problem}; docs/train.md describes the arguments.")


def _in_python(sentence: str) -> str:
    """Name arguments as Python does, in an error that names options of the command."""
    sentence = sentence.replace("--no_token_types", "token_types=False")
    return _OPTION.sub(r"\1", sentence)


@contextmanager
def _undisturbed(verbose: int) -> Iterator[None]:
    """Leave the global random generators as they are; unless `verbose`, hide progress bars and reports of loading."""
    modules = datasets.utils.logging, transformers_logging
    with _ALONE:
        states = random.getstate(), np.random.get_state()  # noqa: NPY002 - transformers seeds it
        hidden = [one for one in modules if not verbose and one.is_progress_bar_enabled()]
        level = transformers_logging.get_verbosity()
        try:
            for one in hidden:
                one.disable_progress_bar()
            if not verbose:
                transformers_logging.set_verbosity(max(level, logging.ERROR))
            with torch.random.fork_rng(range(torch.cuda.device_count())):
                yield
        finally:
            for one in hidden:
                one.enable_progress_bar()
            transformers_logging.set_verbosity(level)
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
