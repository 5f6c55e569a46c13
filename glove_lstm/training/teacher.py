"""Teachers, from which another model learns (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

A classifier gives logits. An encoder gives embeddings, on which a classifier is fitted; see `encoder_head`.
"""

import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import ModelCard, snapshot_download
from numpy.typing import NDArray
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from glove_lstm import auto_classes  # noqa: F401 - teachers of this package then need no remote code
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import check_is_no_file, check_revision, digest, without_folders

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]
Function = Callable[[list[str]], Any]  # n texts -> the probability of each label, (n, labels)

_FILES = [
    "*.json",
    "*.safetensors",
    "*.txt",
    "*.model",
    "*.py",
    "README.md",
    "*_Pooling/config.json",
]
_DEFAULT_LONGEST = 512  # tokens that a teacher reads if its tokenizer has no limit
_NO_LIMIT = 1_000_000  # transformers has a larger number if there is no limit
_CLASSIFIER_SUFFIX = "ForSequenceClassification"  # of the architecture in config.json
_LAYERS = "last and middle"  # layers, which an encoder answers
# Modules of sentence-transformers that are computed here. Others would change the embeddings.
_MODULES = ("Transformer", "Pooling", "Normalize")
# Settings before version 6 -> their names since then.
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
# Smaller probabilities are raised to this one, because their logarithms would dominate the squared difference.
_LEAST_PROBABILITY = 1e-4


@dataclass(frozen=True)
class Teacher:
    """Where to find a teacher: a classifier, or an encoder, on the Hub or in a folder.

    Args:
        model: A repository's id on the Hub, or a folder. The weights must be safetensors. For a classifier, a text
            must have one label.
        revision: Commit, tag or branch on the Hub.
        trust_remote_code: Whether the Python files of the repository may run. Checkpoints of this package need none.
    """

    model: str
    revision: str | None = None
    trust_remote_code: bool = False


TeacherLike = str | Path | Teacher | Function


class _Loaded(ABC):
    """A teacher that can be asked.

    Attributes:
        about: Its name, and its revision and licence if they are known.
        identity: A hash of the files that decide its answers; None: unknown.
    """

    about: dict[str, Any]
    identity: str | None = None


class LoadedClassifier(_Loaded):
    """A teacher that tells labels.

    Attributes:
        label_names: Its labels, in the order of its logits.
    """

    label_names: list[str]

    @abstractmethod
    def logits(self, texts: list[str]) -> Floats:
        """Return the logits of a few texts, up to a constant for each text: (n, labels)."""


class LoadedEncoder(_Loaded):
    """A teacher that knows no labels, but embeds texts."""

    @abstractmethod
    def embed(self, texts: list[str]) -> Floats:
        """Return the embeddings of a few texts, (n, width)."""


LoadedTeacher = LoadedClassifier | LoadedEncoder


def load_teacher(
    teacher: TeacherLike, device: torch.device, label_names: Sequence[str] = ()
) -> LoadedTeacher:
    """Load a teacher.

    Args:
        teacher: A `Teacher`, or only its name or folder; it is a classifier if `architectures` in its config.json ends
            with ForSequenceClassification, and an encoder if not. Or a function that takes a list of texts and returns
            the probability of each label, such as `predict_proba` of a pipeline of scikit-learn, in the order of the
            label names.
        device: Where a teacher of the Hub computes.
        label_names: The labels of a function; other teachers tell theirs.

    Raises:
        DataError: The teacher cannot be loaded.
    """
    if isinstance(teacher, str | Path):
        teacher = Teacher(str(teacher))
    if isinstance(teacher, Teacher):
        return _load_from_files(teacher, device)
    if callable(teacher):
        return _FunctionTeacher(teacher, label_names)
    raise DataError(
        f"teacher is {teacher!r}; give a name on the Hub, a folder, a Teacher, or a function that returns the "
        "probability of each label."
    )


def _load_from_files(teacher: Teacher, device: torch.device) -> LoadedTeacher:
    """Load a classifier or an encoder, say which it is, and try it."""
    check_revision(teacher.model, teacher.revision)
    folder = _download(teacher)
    files = _Files.load(teacher, folder, device)
    examples = ["One text.", "Another text"]
    try:
        if files.is_classifier:
            classifier = _TransformersClassifier(files)
            classifier.logits(examples)
            logger.info("The teacher %s is a classifier.", teacher.model)
            return classifier
        encoder = _TransformersEncoder(files)
        encoder.embed(examples)
    except DataError:
        raise
    except Exception as error:
        problem = f"The teacher {teacher.model} cannot read texts ({first_line(error)})"
        raise DataError(f"{problem}; give another one.") from error
    logger.info(
        "The teacher %s is an encoder: a logistic regression on its embeddings learns the labels.",
        teacher.model,
    )
    return encoder


@dataclass(frozen=True, eq=False)
class _Files:
    """Config, tokenizer and network of a folder."""

    teacher: Teacher
    folder: Path
    config: Any
    tokenizer: Any
    model: Any

    @classmethod
    def load(cls, teacher: Teacher, folder: Path, device: torch.device) -> "_Files":
        """Load the files of a folder."""
        config, tokenizer, model = _load(teacher, folder)
        return cls(teacher, folder, config, tokenizer, model.to(device).eval())

    @property
    def is_classifier(self) -> bool:
        """Whether the network has a head that classifies."""
        return _is_classifier(self.config)

    @property
    def about(self) -> dict[str, Any]:
        """The name, and revision and licence if they are known."""
        name = without_folders(self.teacher.model)
        return {"name": name, **_revision_and_license(self.teacher, self.folder)}

    def inputs(self, texts: list[str], longest: int | None = None) -> Any:
        """Return the tokens of texts, of which `longest` are read; None: as many as the network reads."""
        most = self.tokenizer.model_max_length
        if most > _NO_LIMIT:
            most = _DEFAULT_LONGEST
        positions = getattr(self.config, "max_position_embeddings", None)
        if positions is not None and positions > 0:  # XLNet, which has no limit, says -1
            most = min(most, positions)
        if longest is not None:
            most = min(most, longest)
        inputs = self.tokenizer(
            texts, padding=True, truncation=True, max_length=most, return_tensors="pt"
        )
        return inputs.to(self.model.device)

    @torch.inference_mode()
    def outputs(self, inputs: Any, **options: Any) -> Any:
        """Return what the network returns for tokens."""
        # Twice to three times as fast where the processor has such instructions. Cosines of embeddings with those of
        # float32 were 0.9999 and more.
        with torch.autocast("cpu", torch.bfloat16, enabled=_has_fast_bfloat16()):
            return self.model(**inputs, **options)


class _TransformersClassifier(LoadedClassifier):
    """A sequence classifier of transformers."""

    def __init__(self, files: _Files) -> None:
        self._files = files
        labels = range(files.config.num_labels)
        self.label_names = [str(files.config.id2label[label]) for label in labels]
        self.about = files.about
        self.identity = _identity(files.folder)

    def logits(self, texts: list[str]) -> Floats:
        outputs = self._files.outputs(self._files.inputs(texts))
        return outputs.logits.float().numpy(force=True)


class _TransformersEncoder(LoadedEncoder):
    """An encoder of transformers.

    A text's embedding is its last layer beside its middle layer, each scaled to length 1. A layer is pooled as the
    files of sentence-transformers say; without these, by the mean. DECISIONS.md says what the middle layer brings.
    """

    def __init__(self, files: _Files) -> None:
        self._files = files
        name = files.teacher.model
        self._pooling = _pooling_of(name, files.folder)
        self._longest = _read_json(name, files.folder / "sentence_bert_config.json").get(
            "max_seq_length"
        )
        self.about = files.about
        self.identity = _identity(files.folder, _LAYERS)

    @torch.inference_mode()
    def embed(self, texts: list[str]) -> Floats:
        inputs = self._files.inputs(texts, self._longest)
        outputs = self._files.outputs(inputs, output_hidden_states=True)
        last = outputs.last_hidden_state
        # Input and output of each layer; the code of a repository may not return them.
        layers = outputs.hidden_states or [last]
        middle = layers[(len(layers) - 1) // 2]
        parts = [self._pool(layer.float(), inputs["attention_mask"]) for layer in (last, middle)]
        return torch.cat(parts, dim=1).numpy(force=True)

    def _pool(self, layer: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return a vector of length 1 for each text: (texts, tokens, width) -> (texts, width)."""
        vectors = layer[:, 0]
        if self._pooling == "mean":
            vectors = (layer * mask[..., None]).sum(dim=1)  # of the mean's direction
        return torch.nn.functional.normalize(vectors, dim=1)


def _has_fast_bfloat16() -> bool:
    """Return whether the processor multiplies matrices of bfloat16 (AMX). Older versions of torch do not tell."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16", False))


def _pooling_of(name: str, folder: Path) -> str:
    """Return "mean" or "cls", as the files of sentence-transformers say."""
    modules = _read_json(name, folder / "modules.json") or []
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    for kind in kinds:
        if kind not in _MODULES:
            raise DataError(
                f"The teacher {name} has a module {kind}, which is not supported; give an encoder with "
                f"{', '.join(_MODULES)} only."
            )
    if "Pooling" not in kinds:
        return "mean"
    path = folder / modules[kinds.index("Pooling")]["path"] / "config.json"
    chosen = _chosen_poolings(_read_json(name, path))
    if len(chosen) != 1 or chosen[0] not in _POOLINGS.values():
        raise DataError(
            f"The teacher {name} pools by {' and '.join(chosen) or 'nothing'}, which is not supported; give an "
            f"encoder that pools by {' or '.join(_POOLINGS.values())}."
        )
    return chosen[0]


def _chosen_poolings(settings: Mapping[str, Any]) -> list[str]:
    """Return the poolings that are switched on, by the names of version 6 where `_POOLINGS` has them."""
    modes = settings.get("pooling_mode")
    if isinstance(modes, str):
        return [modes]
    if modes is not None:
        return list(modes)
    return [
        _POOLINGS.get(key, key)
        for key, value in settings.items()
        if key.startswith("pooling_mode_") and value
    ]


def _read_json(name: str, path: Path) -> Any:
    """Return the content of a JSON file; if there is none, an empty one."""
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            f"The teacher {name} has a damaged {path.name} ({first_line(error)}); load it again."
        ) from None


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
        auto_model: Any = AutoModel
        if _is_classifier(config):
            _check_task(teacher, config)
            auto_model = AutoModelForSequenceClassification
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        model, info = auto_model.from_pretrained(
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
            f"{problem}: give a text classifier or an encoder, with safetensors weights and a tokenizer."
        ) from error
    missing = set(info["missing_keys"])  # transformers draws these weights at random
    if not _is_classifier(config):
        missing = {key for key in missing if "pooler" not in key.split(".")}  # it is not used
    if missing:
        raise DataError(
            f"The teacher {teacher.model} lacks the weights {min(missing)}: give a model whose weights are complete."
        )
    return config, tokenizer, model


def _is_classifier(config: Any) -> bool:
    """Return whether a model has a head that classifies; a model without one is an encoder."""
    architectures = config.architectures or []
    return any(name.endswith(_CLASSIFIER_SUFFIX) for name in architectures)


def _check_task(teacher: Teacher, config: Any) -> None:
    problem = None
    if config.problem_type not in (None, "single_label_classification"):
        problem = f"is for {config.problem_type}"
    elif config.num_labels < 2:
        problem = f"has {config.num_labels} label"
    if problem is not None:
        advice = "give a classifier of one label a text, with two or more labels"
        raise DataError(f"The teacher {teacher.model} {problem}; {advice}.")


def _identity(folder: Path, *others: str) -> str:
    """Return a hash of config, tokenizer, weights and code, and of what else decides the answers."""
    files = {file for pattern in _FILES for file in folder.glob(pattern)}
    files.discard(folder / "README.md")
    digests = [f"{file.relative_to(folder).as_posix()} {digest(file)}" for file in sorted(files)]
    return hashlib.sha256("\n".join([*digests, *others]).encode()).hexdigest()


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


class _FunctionTeacher(LoadedClassifier):
    """A function that returns the probability of each label."""

    def __init__(self, function: Function, label_names: Sequence[str]) -> None:
        self._function = function
        name = getattr(function, "__qualname__", type(function).__name__)
        self.about = {"name": f"the function {name}"}
        if not label_names:
            raise DataError(
                f"The teacher, {self.about['name']}, does not tell its labels; give label_names, in the order of its "
                "columns."
            )
        self.label_names = list(label_names)

    def logits(self, texts: list[str]) -> Floats:
        name = self.about["name"]
        returned = self._function(texts)
        try:
            scores = np.asarray(returned, dtype=np.float64)
        except (TypeError, ValueError, RuntimeError):  # torch refuses a tensor with gradients
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
