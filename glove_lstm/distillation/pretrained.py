"""A teacher of transformers on the Hub or in a folder, and what its files say."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCard

from glove_lstm.checkpoint.checkpoint import download_repository
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import check_is_no_file, check_revision, digest, read_json_object

_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.py", "README.md"]
_CARD = "README.md"
_CLASSIFIER_SUFFIX = "ForSequenceClassification"  # of the architecture in config.json


@dataclass(frozen=True)
class TeacherModel:
    """A model from which another one learns: a classifier, or an encoder.

    Args:
        model: A repository's id on the Hub, or a folder. The weights must be safetensors. In a classifier, a text has
            one label.
        revision: Commit, tag or branch on the Hub.
        trust_remote_code: Whether the Python files of the repository may run. Checkpoints of this package need none.
    """

    model: str
    revision: str | None = None
    trust_remote_code: bool = False

    def __str__(self) -> str:
        return f"teacher {self.model!r}"


def download(teacher: TeacherModel) -> Path:
    """Return the folder of a teacher, which is downloaded into the Hub's cache unless it is there.

    Raises:
        DataError: There is no such folder, and no such repository that can be reached.
    """
    check_revision(teacher.model, teacher.revision)
    folder = Path(teacher.model)
    check_is_no_file(folder)
    if folder.is_dir():
        return folder
    return download_repository("teacher", teacher.model, teacher.revision, _FILES)


def is_classifier(teacher: TeacherModel, folder: Path) -> bool:
    """Return whether a model has a head that classifies; one without it is an encoder.

    Raises:
        DataError: The config cannot be read, or is of a classifier that may give a text several labels.
    """
    path = folder / "config.json"
    if not path.is_file():  # sentence-transformers may keep it in a subfolder
        return False
    config = read_json_object(path, "get the teacher again")
    architectures = config.get("architectures") or []
    if not any(name.endswith(_CLASSIFIER_SUFFIX) for name in architectures):
        return False
    task = config.get("problem_type")
    if task not in (None, "single_label_classification"):
        raise DataError(f"The {teacher} is for {task}; give a classifier of one label a text.")
    return True


def loading_error(teacher: TeacherModel, error: Exception) -> DataError:
    """Return the sentence for an error of transformers or sentence-transformers."""
    if not teacher.trust_remote_code and "trust_remote_code" in str(error):
        return DataError(
            f"The {teacher} contains custom code: read it, and then set trust_remote_code to True."
        )
    return DataError(
        f"The {teacher} cannot be loaded ({first_line(error)}): give a classifier or an encoder with safetensors "
        "weights, a tokenizer, and model_max_length in its tokenizer_config.json."
    )


def content_hash(folder: Path, others: Sequence[str] = ()) -> str:
    """Return a hash of config, tokenizer, weights and code in a folder, and of what else decides the logits."""
    files = {file for pattern in _FILES for file in folder.rglob(pattern) if file.name != _CARD}
    digests = [f"{file.relative_to(folder).as_posix()} {digest(file)}" for file in sorted(files)]
    content = "\n".join([*digests, *others])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def license_of(folder: Path) -> str | None:
    """Return the licence that the model card states, if it does."""
    try:
        licence = ModelCard.load(folder / _CARD).data.get("license")
    except Exception:  # there is no card, or its header is no YAML, or no table
        return None
    return str(licence) if licence else None
