"""Checkpoints: their files, opened from a folder or the Hub, and checked.

    checkpoint = Checkpoint.open("user/repo", revision=COMMIT)  # or a folder
    checkpoint.label_names
    tokenizer = checkpoint.light_tokenizer()                    # without transformers
    model, tokenizer = checkpoint.load_model()                  # with torch and transformers

What takes long to import is imported by the method that needs it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glove_lstm.checkpoint.names import (
    CONFIG_NAME,
    LOADED_NAMES,
    MODEL_TYPE,
    MULTI_LABEL,
    TOKENIZER_NAME,
    TOKENIZER_NAMES,
    TRAINING_TEXTS_NAME,
    WEIGHTS_NAME,
)
from glove_lstm.errors import DataError, counted, first_line, listed
from glove_lstm.files import check_is_no_file, check_revision, digest, read_checkpoint_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from glove_lstm.checkpoint.text_record import TextRecord
    from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
    from glove_lstm.text.light_tokenizer import LightTokenizer

_ONE_LABEL = (None, "single_label_classification")  # values of `problem_type`
# Keys in the metadata of an ONNX file: hashes of what it was made from.
_CONFIG_KEY, _WEIGHTS_KEY = "glove_lstm.config", "glove_lstm.weights"
# Fields of config.json that may change without another export, because they do not change the logits.
_FIELDS_WITHOUT_EFFECT = {
    "architectures",
    "auto_map",
    "dropout",
    "dtype",
    "embedding_dropout",
    "freeze_embeddings",
    "held_out_scores",
    "id2label",
    "label2id",
    "label_column_name",
    "label_type",
    "problem_type",
    "text_column_names",
    "thresholds",
    "transformers_version",
    "use_cache",  # transformers' Trainer writes it, and a loaded model saves it no more
}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint of this package; `Checkpoint.open` reads and checks its config.

    Attributes:
        folder: Where its files are. The files of a repository are in the Hub's cache, and are downloaded when they are
            needed.
        config: The values in config.json.
        label_names: The labels in the order of the scores.
        repo_id: The repository on the Hub; None for a folder.
    """

    folder: Path
    config: Mapping[str, Any]
    label_names: tuple[str, ...]
    repo_id: str | None = None

    @classmethod
    def open(cls, model: str | Path, revision: str | None = None) -> "Checkpoint":
        """Find a checkpoint, and read its config. Weights are not downloaded yet.

        Args:
            model: A folder, or a repository's id on the Hub.
            revision: Commit, tag or branch on the Hub.

        Raises:
            DataError: There is no such folder and the download fails; the folder lacks a file; or config.json is
                damaged or of another kind of model.
        """
        check_revision(model, revision)
        check_is_no_file(Path(model))
        if Path(model).is_dir():
            repo_id = None
            folder = Path(model)
            for name in LOADED_NAMES:
                if not (folder / name).is_file():
                    raise DataError(f"{folder} is not a complete checkpoint: {name} is missing.")
        else:
            repo_id = str(model)
            names = [CONFIG_NAME, *TOKENIZER_NAMES]
            folder = download_repository("model", repo_id, revision, names)

        config = read_checkpoint_json(folder / CONFIG_NAME)
        model_type = config.get("model_type")
        if model_type != MODEL_TYPE:
            problem = f"{model} is a model of type {model_type!r}"
            raise DataError(f"{problem}; this package loads {MODEL_TYPE!r}.")
        label_names = read_label_names(folder, config)
        _check_config(folder / CONFIG_NAME, config, len(label_names))
        return cls(folder, config, label_names, repo_id)

    @property
    def name(self) -> str:
        """The repository or the folder, for messages."""
        return self.repo_id or str(self.folder)

    @property
    def problem_type(self) -> str | None:
        """The kind of task, as transformers names it; None: one label a text."""
        return self.config.get("problem_type")

    @property
    def text_column_names(self) -> list[str] | None:
        """The text columns that the model was trained on, title before body; None if config.json does not name them."""
        return self.config.get("text_column_names")

    @property
    def label_column_name(self) -> str | None:
        """The label column that the model was trained on; None if config.json does not name it."""
        return self.config.get("label_column_name")

    def fetch(self, *names: str) -> None:
        """Download files or patterns from the Hub, unless they are there. A repository may lack them.

        All files come from the commit of the config, whatever is pushed meanwhile.
        """
        if self.repo_id is None:
            return
        missing = [name for name in names if not (self.folder / name).is_file()]
        if missing:
            commit = self.folder.name  # as the Hub's cache names its folders
            download_repository("model", self.repo_id, commit, missing)

    def light_tokenizer(self) -> "LightTokenizer":
        """Load the tokenizer, without transformers.

        Raises:
            DataError: A file is damaged, or does not belong to the model.
        """
        from glove_lstm.text.light_tokenizer import LightTokenizer

        tokenizer = LightTokenizer.from_folder(self.folder)
        rows = self.config.get("vocab_size", 0)
        reads_types = self.config.get("type_embedding_size") or self.config.get("character_buckets")
        problem = ""
        if tokenizer.vocab_size > rows:
            problem = (
                f"{TOKENIZER_NAME} has {tokenizer.vocab_size} words, but the model only {rows}"
            )
        elif reads_types and not tokenizer.token_types:
            problem = "the model reads token_type_ids, which its tokenizer does not give"
        if problem:
            raise DataError(f"{self.folder}: {problem}: the files belong to different checkpoints.")
        return tokenizer

    def load_model(self) -> "tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase]":
        """Load the classifier and its tokenizer with this package's own code; no remote code runs.

        Raises:
            DataError: A file is missing or damaged, or does not fit the others.
        """
        import torch

        from glove_lstm.auto_classes import GloveLstmForSequenceClassification, GloveLstmTokenizer
        from glove_lstm.tables.labels import label_values

        self.light_tokenizer()  # names the damaged file and what does not fit, which transformers does not
        self.fetch(WEIGHTS_NAME)
        options = {
            # transformers then lists the weights of another size instead of raising.
            "ignore_mismatched_sizes": True,
            "output_loading_info": True,
            "dtype": torch.float32,  # as ONNX computes, whatever type it was saved in
            # config.json could name a kernel on the Hub, whose code transformers would run.
            "attn_implementation": "eager",
        }
        try:
            model, info = GloveLstmForSequenceClassification.from_pretrained(self.folder, **options)
            tokenizer = GloveLstmTokenizer.from_pretrained(self.folder)
            label_values(self.label_names, model.config.label_type)
        except Exception as error:
            problem = f"{self.name} cannot be loaded ({first_line(error)})"
            raise DataError(f"{problem}: get the checkpoint again.") from error

        misfits = set(info["missing_keys"]) | set(info["unexpected_keys"])
        for name, *_ in info["mismatched_keys"]:
            misfits.add(name)
        if misfits:  # transformers would draw these weights at random
            problem = f"{self.name}: {WEIGHTS_NAME} does not fit config.json ({min(misfits)})"
            raise DataError(f"{problem}: get the checkpoint again.")
        return model, tokenizer

    def training_texts(self) -> "TextRecord | None":
        """Load the record of the training texts; None if there is none, or if the weights have changed since.

        Raises:
            DataError: The record is damaged.
        """
        from glove_lstm.checkpoint.text_record import TextRecord

        self.fetch(TRAINING_TEXTS_NAME, WEIGHTS_NAME)
        path = self.folder / TRAINING_TEXTS_NAME
        if not path.is_file():
            return None
        record, weights_digest = TextRecord.load(path)
        if weights_digest != digest(self.folder / WEIGHTS_NAME):
            return None
        return record

    def content_hashes(self) -> dict[str, str]:
        """Return the metadata of an ONNX file, SHA-256 hashes of the config and of the weights.

        Fields of the config that do not change the logits are left out.
        """
        names = self.config.keys() - _FIELDS_WITHOUT_EFFECT
        text = json.dumps({name: self.config[name] for name in names}, sort_keys=True)
        config_digest = hashlib.sha256(text.encode()).hexdigest()
        return {_CONFIG_KEY: config_digest, _WEIGHTS_KEY: digest(self.folder / WEIGHTS_NAME)}


def read_label_names(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the labels of a config.json, in the order of the scores.

    Raises:
        DataError: The keys are not 0, 1, ...; or a label is no string, or occurs twice (scores are written by label).
    """
    labels = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # transformers omits these
    try:
        names = tuple(labels[str(number)] for number in range(len(labels)))
    except (LookupError, TypeError):
        problem = f"{folder / CONFIG_NAME}: id2label does not number the labels"
        raise DataError(f"{problem}: get the checkpoint again.") from None
    are_strings = all(isinstance(name, str) for name in names)
    if not are_strings or len(set(names)) < len(names):
        raise DataError(
            f"{folder / CONFIG_NAME}: id2label must give each label a name of its own, not {listed(names)}; rename "
            "them in id2label and label2id."
        )
    return names


def _is_record_of_scores(value: Any) -> bool:
    """Return whether a value is what `inference/promise.py` records, or None."""
    if value is None:
        return True
    try:
        _, texts, mistakes = np.array(value["rows"], dtype=np.float64).T
        are_valid = np.isfinite(texts) & (mistakes >= 0) & (mistakes <= texts)
        has_facts = value["labels_of"] in ("people", "teacher")
        has_facts &= isinstance(value["sure_from"], float | None)
        return has_facts and bool(are_valid.all())
    except (LookupError, TypeError, ValueError):
        return False


def _check_config(path: Path, config: Mapping[str, Any], label_count: int) -> None:
    """Check the values of config.json that are read without transformers; `GloveLstmConfig` checks the others.

    Raises:
        DataError: It is not the config of a classifier, or lacks a threshold.
    """
    problem_type = config.get("problem_type")
    # As in transformers, one label without a `problem_type` is a regression.
    chooses_one_label = problem_type in _ONE_LABEL and label_count > 1
    if not chooses_one_label and problem_type != MULTI_LABEL:
        raise DataError(
            f"{path}: problem_type {problem_type!r} with {counted(label_count, 'label')} is no classification; this "
            "package loads classifiers only."
        )
    thresholds = config.get("thresholds")
    if thresholds is not None and np.shape(thresholds) != (label_count,):
        problem = f"{path} has thresholds {thresholds!r} for {label_count} labels"
        raise DataError(f"{problem}; give one number for each label.")
    if not _is_record_of_scores(config.get("held_out_scores")):
        raise DataError(f"{path}: held_out_scores is damaged: get the checkpoint again.")


def download_repository(
    kind: str, repo_id: str, revision: str | None, patterns: Sequence[str]
) -> Path:
    """Download files of a repository into the Hub's cache, unless they are there; return the folder of the commit.

    Args:
        kind: What the error calls the repository, such as "model".
        repo_id: The repository.
        revision: Commit, tag or branch; None: main.
        patterns: Names or patterns of the files.

    Raises:
        DataError: There is no such repository, or it cannot be reached.
    """
    from huggingface_hub import snapshot_download  # takes long to import

    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=[*patterns]))
    except Exception as error:
        raise DataError(
            f"The {kind} {repo_id} could not be loaded: there is no such folder, and the Hub says: "
            f"{first_line(error)}; check the name, the revision and the network."
        ) from error
