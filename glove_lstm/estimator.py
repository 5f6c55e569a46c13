"""A scikit-learn classifier that trains, measures, saves and publishes as the commands do."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from huggingface_hub import CommitInfo
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from transformers.utils import logging as transformers_logging

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.new_folder import check_target
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.errors import DataError, shown
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.evaluation.metrics_file import MetricsFile
from glove_lstm.evaluation.report import Report
from glove_lstm.evaluation.run_metrics import run_metrics
from glove_lstm.evaluation.unseen import measure_unseen
from glove_lstm.inference.decisions import are_unsure, decision_thresholds, labels_above
from glove_lstm.inference.explain import Explanation
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.onnx_export import classifier_in_memory
from glove_lstm.progress import shows_bars
from glove_lstm.publishing.push import check_destination, push_folder
from glove_lstm.publishing.save import save
from glove_lstm.publishing.stage import stage_checkpoint
from glove_lstm.tables.columns import is_blank, python_values
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.in_memory import read_labels, read_texts
from glove_lstm.tables.labels import (
    Label,
    check_label_names,
    common_label_type,
    label_values,
    labels_as_strings,
    number_labels,
)
from glove_lstm.training.fit import Trained, fit
from glove_lstm.training.settings import Settings, make_settings


class GloveLstmClassifier(ClassifierMixin, BaseEstimator):
    """A GloVe+LSTM text classifier for scikit-learn, trained by the code of `glove-lstm train`.

    Args:
        glove: Word vectors: a name such as "6B.50d", a file, or "none", which draws them; None: those of the preset.
        preset: Settings to start from: "default" or "article".
        class_weight: "balanced", or label -> weight; None: all labels have the same weight.
        teacher: What the model learns from: the id of a classifier or an encoder on the Hub, its folder, a
            `glove_lstm.TeacherModel`, a fitted classifier of scikit-learn that takes texts, or a function from a list
            of texts to the probability of each label, in the order of `label_names`. An encoder learns the labels.
        label_names: All labels, if the texts may lack some, or have none and the teacher is a function; None: those
            that occur, sorted.
        random_state: Number or numpy `RandomState` from which the seed is drawn. The same seed gives the same model.
        verbose: 0 hides the progress bars and the log of the training, but no warnings.
        **training_arguments: Arguments of `glove-lstm train` by name, such as `num_train_epochs`, `learning_rate`,
            `vocab_size`, `use_cpu` or `model_name_or_path` (a checkpoint to fine-tune). `fit` checks them.

    Attributes:
        classes_: Sorted labels, (classes,); the labels of a table of 0 and 1 in the order of its columns.
        model_: The classifier as a transformers model.
        tokenizer_: Its tokenizer.
    """

    _training_texts: TextRecord | None
    _trained: Trained | None  # what `save_pretrained` saves; None: the classifier was loaded
    _classifier: LightClassifier
    _columns: NDArray[np.int64]  # the columns of the model's scores, in the order of `classes_`

    def __init__(
        self,
        glove: str | Path | None = None,
        *,
        preset: str = "default",
        class_weight: Any = None,
        teacher: Any = None,
        label_names: Any = None,
        random_state: Any = None,
        verbose: int = 1,
        **training_arguments: Any,
    ) -> None:
        self.glove = glove
        self.preset = preset
        self.class_weight = class_weight
        self.teacher = teacher
        self.label_names = label_names
        self.random_state = random_state
        self.verbose = verbose
        self._training_arguments = training_arguments

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all arguments, including the given training arguments."""
        return {**super().get_params(deep), **self._training_arguments}

    def set_params(self, **params: Any) -> Self:
        """Set arguments, also training arguments that were not given before."""
        own = {name: params.pop(name) for name in self._get_param_names() if name in params}
        self._training_arguments = {**self._training_arguments, **params}
        return super().set_params(**own)

    def __sklearn_clone__(self) -> Self:
        """Clone the classifier. Its teacher stays fitted."""
        clone: Self = super().__sklearn_clone__()
        return clone.set_params(teacher=self.teacher)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.allow_nan = True
        tags.input_tags.two_d_array = False  # of features; two columns of texts are accepted
        tags.classifier_tags.multi_label = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any = None,
        validation: Any = None,
        sample_weight: Any = None,
        unlabelled: Any = (),
        groups: Any = None,
    ) -> Self:
        """Train a new classifier; with `model_name_or_path`, fine-tune that checkpoint.

        Args:
            X: n texts, or n pairs (title, body): a list, an array, or a column or data frame of pandas or polars.
            y: n labels: strings, whole numbers or booleans. For multi-label texts, n lists of them, or a table
                (n, labels) of 0 and 1: an array, a sparse matrix, or a data frame whose columns are the labels. None:
                X are unlabelled texts; the teacher must name its labels.
            validation: (texts, labels) on which the scores are calibrated; the model does not learn from them. None:
                some of the texts are held out, by the argument `validation_fraction`.
            sample_weight: (n,) weight of each text; None: 1.
            unlabelled: More texts, for which the model learns what the teacher says. Blank texts are left out.
            groups: n values, such as authors. Texts of one group are all held out or none.

        Raises:
            DataError: An argument, a text or a label cannot be used.
        """
        if y is None and self.teacher is None:
            raise DataError(
                "fit requires y to be passed, but the target y is None; give labels, or a teacher."
            )
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        texts = _joined(X, "X")
        more_texts = _joined(unlabelled, "unlabelled")
        if y is None:
            if sample_weight is not None or groups is not None:
                raise DataError(
                    "sample_weight and groups are for texts with labels; leave them out."
                )
            texts, more_texts = [], texts + more_texts
            labels: list[Any] = []
            classes, is_table = self._labels_of_teacher(), False
        else:
            labels, classes, is_table = read_labels(y)
            check_label_names(
                labels_as_strings(classes),
                len(labels),
                "y",
                "give other labels",
                may_be_rare=bool(more_texts) and self.teacher is not None,
            )
        _check_that_texts_are_filled(texts, "X")
        for name, values in (("sample_weight", sample_weight), ("groups", groups)):
            if values is not None and np.ndim(values) != 1:
                raise DataError(f"{name} has several columns; give one value for each text.")
        label_names = self._order_labels(classes, is_table)
        more_texts = [text for text in more_texts if not is_blank(text)]
        class_weight = self.class_weight
        if isinstance(class_weight, dict):
            names = labels_as_strings(class_weight)
            class_weight = dict(zip(names, class_weight.values(), strict=True))
        with _log_shown(bool(self.verbose)):
            trained = fit(
                texts,
                labels,
                _read_validation(validation, classes),
                settings=self._settings(seed),
                label_names=label_names,
                groups=None if groups is None else python_values(groups),
                class_weight=class_weight,
                sample_weight=sample_weight,
                compute_metrics=compute_metrics,
                teacher=self.teacher,
                unlabelled=more_texts,
            )
        self._training_texts = trained.text_record
        config = trained.model.config
        label_type = type(classes[0]).__name__ if classes else "str"
        config.label_type = common_label_type(config.label_names, label_type)
        self._trained = replace(trained, train=trained.train.select([]))  # small, if it is pickled
        columns_of_table = None
        if is_table:
            columns_of_table = label_names or labels_as_strings(classes)
        return self._set_model(trained.model, trained.tokenizer, columns_of_table)

    def _order_labels(self, classes: Sequence[Any], is_table: bool) -> list[str] | None:
        """Return the names of all labels, the columns of a table first; None: the teacher knows them.

        Args:
            classes: The labels of y: sorted, or the columns of a table.
            is_table: Whether y is a table of 0 and 1.
        """
        names = labels_as_strings(classes)
        if self.label_names is None:
            return names if self.teacher is None else None
        all_names = labels_as_strings(self.label_names)  # a function's columns, in this order
        if not is_table:
            return all_names
        of_table = [name for name in names if name in all_names]
        others = [name for name in all_names if name not in names]
        return [*of_table, *others]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot be pickled: the session of ONNX Runtime."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_classifier"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            self._classifier = classifier_in_memory(self.model_, self.tokenizer_)

    def predict(self, X: Any, *, accuracy: float | None = None) -> NDArray[Any]:
        """Return the best label of each text, (n,); for multi-label models, (n, classes) of 0 and 1.

        Args:
            X: The texts.
            accuracy: Return None in place of labels that are unsure; see `LightClassifier.predict`.
        """
        check_is_fitted(self)
        least_score = None if accuracy is None else self._classifier.promised_score(accuracy)
        scores = self.predict_proba(X)
        if least_score is not None:
            labels = self.classes_[scores.argmax(axis=1)].astype(object)
            labels[are_unsure(scores, least_score)] = None
            return labels
        thresholds = self._classifier.thresholds
        if thresholds is None:
            return self.classes_[scores.argmax(axis=1)]
        sorted_thresholds = np.array(thresholds)[self._columns].tolist()
        return labels_above(scores, sorted_thresholds).astype(np.int64)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return scores (n, classes), columns in the order of `classes_`."""
        check_is_fitted(self)
        scores = self._classifier.predict_proba(*read_texts(X))
        return scores[:, self._columns]

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return logits (n, classes), ordered as `classes_`; of two classes, the second minus the first, (n,)."""
        check_is_fitted(self)
        logits = self._classifier.predict_logits(*read_texts(X)).astype(np.float64)
        logits = logits[:, self._columns]
        if len(self.classes_) == 2 and self._classifier.thresholds is None:
            return logits[:, 1] - logits[:, 0]
        return logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; for multi-label models, the share of texts whose labels are all correct."""
        check_is_fitted(self)
        labels = self._read_true_labels(y)
        if self._classifier.thresholds is None:
            return super().score(X, y, sample_weight)
        truth = number_labels(labels, labels_as_strings(self.classes_))
        return accuracy_score(truth, self.predict(X), sample_weight=sample_weight)

    def _read_true_labels(self, y: Any) -> list[Any]:
        """Read labels with which predictions are compared: one for each text, or lists, as the model gives them."""
        labels, *_ = read_labels(y, columns=self.classes_)
        gives_several = self._classifier.thresholds is not None
        if labels and isinstance(labels[0], list) != gives_several:
            expected = "a list of labels" if gives_several else "one label"
            raise DataError(
                f"y must have {expected} for each text; give labels as in the training."
            )
        return labels

    def _labels_of_teacher(self) -> list[Any]:
        """Return the labels of a function or a fitted classifier as teacher; none if they are unknown."""
        names = self.label_names
        if names is None:
            names = getattr(self.teacher, "classes_", None)  # of a fitted classifier
        return [] if names is None else read_labels(names, "label_names")[1]

    def explain(self, text: str, label: Any = None) -> Explanation:
        """Return the effect of each word on a label, by default the best one; see `glove_lstm.explain`."""
        check_is_fitted(self)
        name = None
        if label is not None:
            [name] = labels_as_strings([label])
        return self._classifier.explain(text, name, progress=bool(self.verbose))

    def top_words(self, label: Any, n: int = 20) -> list[tuple[str, float]]:
        """Return the n words that speak most for a label, each with its logit; see `LightClassifier.top_words`."""
        check_is_fitted(self)
        [name] = labels_as_strings([label])
        return self._classifier.top_words(name, n)

    def evaluate(self, X: Any, y: Any, *, robustness: bool = False) -> Report:
        """Measure the classifier as `glove-lstm evaluate` does, on texts that `fit` has not seen.

        Args:
            X: n texts or pairs, as for `fit`.
            y: n labels, as for `fit`.
            robustness: Whether to measure it on perturbed texts, too.

        Returns:
            A report with `figures`, and with the methods `text` and `save`.

        Raises:
            DataError: `fit` has seen all texts; or `robustness` is for another model.
        """
        check_is_fitted(self)
        texts = _joined(X, "X")
        labels = self._read_true_labels(y)
        if not texts:
            raise DataError("X has no texts to measure; give some.")
        examples = Examples.from_names(texts, labels, self._classifier.label_names)
        return measure_unseen(
            self._classifier, examples, self._training_texts, robustness=robustness
        )

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        language: str | None = None,
        license: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write what `glove-lstm train` writes into a new or empty folder: complete, or not at all.

        Args:
            folder: Where to write.
            language: Language of the texts, as a code such as "en", for the model card.
            license: Licence of the model, as an id of the Hub such as "apache-2.0", for the model card.
            overwrite: Whether a checkpoint in the folder is replaced. A folder with anything else is never replaced.

        Raises:
            DataError: The folder holds something, or cannot be written; or the classifier was loaded, not trained.
        """
        check_is_fitted(self)
        if self._trained is None:
            raise DataError(
                "This classifier was loaded and not trained since; copy its folder, or push that with glove-lstm push."
            )
        check_target(Path(folder), overwrite=overwrite)
        with _log_shown(bool(self.verbose)):
            metrics = MetricsFile(self._trained.record, language=language, license=license)
            run_metrics(self._trained, metrics=metrics)
            save(self._trained, Path(folder), metrics, overwrite=overwrite)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        language: str | None = None,
        license: str | None = None,
        private: bool = False,
        branch: str | None = None,
        token: str | None = None,
    ) -> CommitInfo:
        """Check the classifier and push it to the Hugging Face Hub, as `glove-lstm push` does.

        `language` and `license` are those of `save_pretrained`; `private=True` makes a new repository private, `branch`
        is another branch than main, `token` another login.
        """
        check_destination(repo_id, token=token)
        with tempfile.TemporaryDirectory() as scratch:
            saved = Path(scratch) / "saved"
            staged = Path(scratch) / "staged"
            self.save_pretrained(saved, language=language, license=license)
            stage_checkpoint(saved, staged, repo_id)
            return push_folder(staged, repo_id, private=private, branch=branch, token=token)

    @classmethod
    def from_pretrained(cls, model: str | Path, revision: str | None = None) -> Self:
        """Load a classifier from a folder or the Hub; its `fit` fine-tunes it.

        Labels have the type that they had in `fit`; labels of a checkpoint of `glove-lstm train` are strings.
        """
        checkpoint = Checkpoint.open(model, revision)
        named: dict[str, Any] = {"model_name_or_path": str(model)}
        if revision is not None:
            named["revision"] = revision
        loaded = cls(**named)
        loaded._training_texts = checkpoint.training_texts()
        loaded._trained = None
        with _log_shown(False):
            return loaded._set_model(*checkpoint.load_model())

    def _set_model(
        self, model: Any, tokenizer: Any, columns_of_table: Sequence[str] | None = None
    ) -> Self:
        """Set the model, and the classes with the type of labels that its config names.

        Args:
            model: The model.
            tokenizer: Its tokenizer.
            columns_of_table: For several labels a text, those of the table that it was fitted to, some or all of the
                model's labels; None: all, in the order of the model.
        """
        self.model_ = model
        self.tokenizer_ = tokenizer
        self._classifier = classifier_in_memory(model, tokenizer)
        labels = label_values(model.config.label_names, model.config.label_type)
        self._columns = np.argsort(labels, kind="stable")
        if decision_thresholds(model.config.to_dict()) is not None:
            # Several labels a text: the columns of a table of 0 and 1 keep their order.
            names = list(model.config.label_names)
            self._columns = np.array([names.index(name) for name in columns_of_table or names])
        self.classes_ = labels[self._columns]
        return self

    def _settings(self, seed: int) -> Settings:
        """Return the settings of the arguments."""
        given = self._training_arguments
        if self.random_state is not None and "seed" in given:
            raise DataError("seed is drawn from random_state; give only one of them.")
        values = {"seed": seed, "glove": None if self.glove is None else str(self.glove)}
        return make_settings(self.preset, **(values | given))


def _joined(texts: Any, name: str) -> list[str]:
    """Return texts; a title and its body are joined by a space. `name` names them in errors."""
    columns = read_texts(texts, name)
    return [" ".join(row) for row in zip(*columns, strict=True)]


def _check_that_texts_are_filled(texts: Sequence[str], name: str) -> None:
    """Refuse blank texts. `name` names the texts in errors."""
    for row, text in enumerate(texts, 1):
        if is_blank(text):
            raise DataError(f"{name}, row {row} has no text; fill it, or leave it out.")


def _read_validation(
    validation: Any, column_labels: Sequence[Any]
) -> tuple[list[str], list[Label]] | None:
    """Read the argument `validation`; the columns of a table without names are those of `y`, `column_labels`."""
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise DataError(
            f"validation must be (texts, labels) or None, not {shown(validation)}; the share that is held out is "
            "the argument validation_fraction of the classifier."
        )
    given_texts, y = validation
    texts = _joined(given_texts, "validation texts")
    labels, *_ = read_labels(y, "validation labels", column_labels)
    _check_that_texts_are_filled(texts, "validation texts")
    return texts, labels


@contextmanager
def _log_shown(is_shown: bool) -> Iterator[None]:
    """Show the progress and the log of this package, or hide them; warnings are always shown.

    transformers shows bars of loading and saving where this package shows bars. The log goes to standard error unless
    logging is configured.
    """
    package = logging.getLogger("glove_lstm")
    level = package.level
    package.setLevel(logging.INFO if is_shown else logging.WARNING)
    handler = logging.StreamHandler()
    if is_shown and not package.hasHandlers():
        package.addHandler(handler)
    had_bars = transformers_logging.is_progress_bar_enabled()
    if not shows_bars():
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        package.setLevel(level)
        package.removeHandler(handler)
        if had_bars:
            transformers_logging.enable_progress_bar()
