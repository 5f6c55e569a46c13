"""Teachers: classifiers that another model learns from (Hinton et al. 2015, https://arxiv.org/abs/1503.02531)."""

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import ModelCard, snapshot_download
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from glove_lstm import auto_classes  # noqa: F401 - teachers of this package then need no remote code
from glove_lstm.data.files import check_is_no_file, check_revision, digest, without_folders
from glove_lstm.data.whole_files import whole_file
from glove_lstm.errors import DataError, first_line
from glove_lstm.progress import progress

Floats = NDArray[np.floating]
Function = Callable[[list[str]], Any]  # n texts -> the probability of each label, (n, labels)

LOGITS_NAME = (
    "teacher_logits-{}.npz"  # in the output folder, with the beginning of the teacher's identity
)
_KEY_SIZE = 16  # bytes

_BATCH_SIZE = 32  # texts
_SECONDS_BETWEEN_WRITES = 120.0
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.py", "README.md"]
_DEFAULT_LONGEST = 512  # tokens that a teacher reads if its tokenizer has no limit
_NO_LIMIT = 1_000_000  # transformers has a larger number if there is no limit
# Smaller probabilities are raised to this one, because their logarithms would dominate the squared difference.
_LEAST_PROBABILITY = 1e-4


@dataclass(frozen=True)
class Teacher:
    """Where to find a teacher: a classifier on the Hub or in a folder.

    Args:
        model: A repository's id on the Hub, or a folder. The weights must be safetensors, and a text must have one
            label.
        revision: Commit, tag or branch on the Hub.
        trust_remote_code: Whether the Python files of the repository may run. Checkpoints of this package need none.
    """

    model: str
    revision: str | None = None
    trust_remote_code: bool = False


TeacherLike = str | Path | Teacher | Function


class LoadedTeacher(ABC):
    """A teacher that can be asked.

    Attributes:
        about: Its name, and its revision and licence if they are known.
        label_names: Its labels in the order of its logits; None: those of the texts.
        identity: A hash of the files that decide its logits; None: unknown.
    """

    about: dict[str, Any]
    label_names: list[str] | None = None
    identity: str | None = None

    @abstractmethod
    def logits(self, texts: list[str]) -> Floats:
        """Return the logits of a few texts, up to a constant for each text: (n, labels)."""


def load_teacher(teacher: TeacherLike, device: torch.device) -> LoadedTeacher:
    """Load a teacher.

    Args:
        teacher: A `Teacher`, or only its name or folder; or a function that takes a list of texts and returns the
            probability of each label, such as `predict_proba` of a pipeline of scikit-learn, in the order of the
            labels that `fit` is given, by default that of `sorted_label_names`.
        device: Where a teacher of the Hub computes.

    Raises:
        DataError: The teacher cannot be loaded.
    """
    if isinstance(teacher, str | Path):
        teacher = Teacher(str(teacher))
    if isinstance(teacher, Teacher):
        loaded = _TransformersTeacher(teacher, device)
        try:
            loaded.logits(["One text.", "Another text"])
        except Exception as error:
            problem = f"The teacher {teacher.model} cannot classify ({first_line(error)})"
            raise DataError(f"{problem}; give another one.") from error
        return loaded
    if callable(teacher):
        return _FunctionTeacher(teacher)
    raise DataError(
        f"teacher is {teacher!r}; give a name on the Hub, a folder, a Teacher, or a function that returns the "
        "probability of each label."
    )


class _TransformersTeacher(LoadedTeacher):
    """A sequence classifier of transformers."""

    def __init__(self, teacher: Teacher, device: torch.device) -> None:
        check_revision(teacher.model, teacher.revision)
        folder = _download(teacher)
        self._config, self._tokenizer, model = _load(teacher, folder)
        self._model = model.to(device).eval()
        labels = range(self._config.num_labels)
        self.label_names = [str(self._config.id2label[label]) for label in labels]
        name = without_folders(teacher.model)
        self.about = {"name": name, **_revision_and_license(teacher, folder)}
        self.identity = _identity(folder)

    @torch.inference_mode()
    def logits(self, texts: list[str]) -> Floats:
        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
        )
        return self._model(**inputs.to(self._model.device)).logits.float().numpy(force=True)

    @property
    def _longest(self) -> int:
        """Tokens that the teacher reads."""
        longest = self._tokenizer.model_max_length
        if longest > _NO_LIMIT:
            longest = _DEFAULT_LONGEST
        return min(longest, getattr(self._config, "max_position_embeddings", longest))


def _download(teacher: Teacher) -> Path:
    """Return the folder of a teacher, which is downloaded into the cache if it is on the Hub."""
    folder = Path(teacher.model)
    check_is_no_file(folder)
    if folder.is_dir():
        return folder
    try:
        return Path(
            snapshot_download(teacher.model, revision=teacher.revision, allow_patterns=_FILES)
        )
    except Exception as error:
        raise DataError(
            f"The teacher {teacher.model} could not be loaded: there is no such folder, and the Hub says: "
            f"{first_line(error)}; check the name, the revision and the network."
        ) from error


def _load(teacher: Teacher, folder: Path) -> tuple[Any, Any, Any]:
    """Return config, tokenizer and model."""
    trust = teacher.trust_remote_code
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust)
        _check_task(teacher, config)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            trust_remote_code=trust,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except DataError:
        raise
    except Exception as error:
        if not trust and "trust_remote_code" in str(error):
            raise DataError(
                f"The teacher {teacher.model} contains custom code, which must run to load it: read that code, and "
                "then set trust_remote_code to True."
            ) from None
        problem = f"The teacher {teacher.model} cannot be loaded ({first_line(error)})"
        raise DataError(
            f"{problem}: give a text classifier with safetensors weights and a tokenizer."
        ) from error
    if info["missing_keys"]:  # transformers would draw these weights at random
        missing = min(info["missing_keys"])
        raise DataError(
            f"The teacher {teacher.model} lacks the weights {missing}: give a model that was trained to classify."
        )
    return config, tokenizer, model


def _check_task(teacher: Teacher, config: Any) -> None:
    problem = None
    if config.problem_type not in (None, "single_label_classification"):
        problem = f"is for {config.problem_type}"
    elif config.num_labels < 2:
        problem = f"has {config.num_labels} label"
    if problem is not None:
        advice = "give a classifier of one label a text, with two or more labels"
        raise DataError(f"The teacher {teacher.model} {problem}; {advice}.")


def _identity(folder: Path) -> str:
    """Return a hash of config, tokenizer, weights and code."""
    files = {file for pattern in _FILES for file in folder.glob(pattern)}
    files.discard(folder / "README.md")
    digests = [f"{file.name} {digest(file)}" for file in sorted(files)]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _revision_and_license(teacher: Teacher, folder: Path) -> dict[str, Any]:
    """Return the commit and the licence, if they are known."""
    about = {}
    if not Path(teacher.model).is_dir():
        about["revision"] = folder.name  # the commit, as the Hub's cache names its folders
    card = folder / "README.md"
    if card.is_file():
        try:
            licence = ModelCard.load(card).data.get("license")
        except ValueError:  # its header is no YAML
            licence = None
        if licence:
            about["license"] = str(licence)
    return about


class _FunctionTeacher(LoadedTeacher):
    """A function that returns the probability of each label."""

    def __init__(self, function: Function) -> None:
        self._function = function
        name = getattr(function, "__qualname__", type(function).__name__)
        self.about = {"name": f"the function {name}"}

    def logits(self, texts: list[str]) -> Floats:
        name = self.about["name"]
        returned = self._function(texts)
        try:
            scores = np.asarray(returned, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"The teacher, {name}, returned a {type(returned).__name__} that is no array of numbers; it must "
                "return the probability of each label, (texts, labels)."
            ) from None
        if scores.ndim != 2 or len(scores) != len(texts):
            raise DataError(
                f"The teacher, {name}, returned an array of shape {scores.shape} for {len(texts)} texts; it must "
                "return (texts, labels)."
            )
        not_negative = bool((scores >= 0).all())  # NaN is not
        sum_to_one = np.allclose(scores.sum(axis=1), 1, atol=0.01)
        if not (not_negative and sum_to_one):
            raise DataError(
                f"The teacher, {name}, returned values that are no probabilities; it must return, for each text, "
                "numbers from 0 whose sum is 1."
            )
        return np.log(np.maximum(scores, _LEAST_PROBABILITY))


def check_labels(teacher: LoadedTeacher, label_names: Sequence[str]) -> None:
    """Raise a DataError if a teacher has other labels, in any order."""
    _columns_of(teacher, label_names)


def _columns_of(teacher: LoadedTeacher, label_names: Sequence[str]) -> list[int]:
    """Return the column of each label in the logits of a teacher.

    Raises:
        DataError: The labels are not the same.
    """
    if teacher.label_names is None:
        return list(range(len(label_names)))
    if set(teacher.label_names) != set(label_names):
        theirs = ", ".join(teacher.label_names)
        ours = ", ".join(label_names)
        raise DataError(
            f"The labels of the teacher {teacher.about['name']} are {theirs}; the labels of the texts are {ours}. "
            "Rename the labels of the texts, or set id2label in the teacher's config.json."
        )
    return [teacher.label_names.index(name) for name in label_names]


def ask(
    teacher: LoadedTeacher, texts: Sequence[str], label_names: Sequence[str]
) -> NDArray[np.float32]:
    """Return the logits of a teacher for n texts: (n, labels); see `TeacherAnswers`."""
    return TeacherAnswers(teacher, label_names).logits(texts)


class TeacherAnswers:
    """The logits that a teacher has given. A text is asked once.

    Args:
        teacher: A loaded teacher.
        label_names: The labels, in any order.
        folder: Folder in which the logits are kept, so that another run does not ask again; None: they are not kept.
            Those of a function are never kept: a changed function could not be told from the earlier one.

    Raises:
        DataError: The teacher has other labels, or a file of kept logits is damaged.
    """

    def __init__(
        self, teacher: LoadedTeacher, label_names: Sequence[str], folder: Path | None = None
    ) -> None:
        self._teacher = teacher
        self._label_names = label_names
        self._columns = _columns_of(teacher, label_names)
        self._logits_of: dict[bytes, Floats] = {}  # by the hash of the text
        self._path: Path | None = None
        self._last_write = time.monotonic()
        if folder is not None and teacher.identity is not None:
            self._path = folder / LOGITS_NAME.format(teacher.identity[:12])
            self._read()

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the logits for n texts, each with mean 0, in the order of the labels: (n, labels).

        The longest texts are asked first, in batches of similar length.

        Raises:
            DataError: The logits are not finite, or there is not one for each label.
        """
        if not len(texts):
            return np.zeros((0, len(self._label_names)), dtype=np.float32)
        text_of = {_key(text): text for text in texts}
        missing = [key for key in text_of if key not in self._logits_of]
        missing.sort(key=lambda key: len(text_of[key]), reverse=True)
        try:
            with progress(f"Asking {self._teacher.about['name']}", total=len(missing)) as bar:
                for start in range(0, len(missing), _BATCH_SIZE):
                    batch = missing[start : start + _BATCH_SIZE]
                    self._add(batch, self._teacher.logits([text_of[key] for key in batch]))
                    bar.update(len(batch))
        finally:  # also after an interruption
            if missing:
                self._write()
        logits = np.stack([self._logits_of[_key(text)] for text in texts])[:, self._columns]
        return logits - logits.mean(axis=1, keepdims=True)

    def _add(self, keys: Sequence[bytes], logits: Floats) -> None:
        name = self._teacher.about["name"]
        if logits.shape[1] != len(self._label_names):
            raise DataError(
                f"The teacher {name} gives {logits.shape[1]} scores for a text, but there are "
                f"{len(self._label_names)} labels: {', '.join(self._label_names)}."
            )
        if not np.isfinite(logits).all():
            raise DataError(f"The teacher {name} gives logits that are not finite numbers.")
        self._logits_of.update(zip(keys, logits.astype(np.float32), strict=True))
        if time.monotonic() - self._last_write > _SECONDS_BETWEEN_WRITES:
            self._write()

    def _write(self) -> None:
        """Write all logits into the file, whole or not at all."""
        if self._path is None or not self._logits_of:
            return
        keys = np.frombuffer(b"".join(self._logits_of), dtype=np.uint8).reshape(-1, _KEY_SIZE)
        logits = np.stack(list(self._logits_of.values()))
        with whole_file(self._path) as part, part.open("wb") as file:
            np.savez(file, keys=keys, logits=logits)
        self._last_write = time.monotonic()

    def _read(self) -> None:
        path = self._path
        if path is None or not path.exists():
            return
        try:
            with np.load(path, allow_pickle=False) as arrays:
                keys = [key.tobytes() for key in arrays["keys"]]
                self._logits_of = dict(zip(keys, arrays["logits"], strict=True))
        except Exception as error:  # a damaged archive raises errors of many types
            raise DataError(f"{path} cannot be used ({first_line(error)}): remove it.") from None


def _key(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=_KEY_SIZE).digest()
