"""Find, check and load checkpoints of ours."""

from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification, GloveLstmTokenizer
from glove_lstm.data.errors import DataError
from glove_lstm.data.files import check_revision, first_line
from glove_lstm.inference.checkpoint_files import check_tokenizer

_NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def load_checkpoint(
    path: str | Path, revision: str | None = None, **changes: Any
) -> tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase]:
    """Load a classifier and its tokenizer with this package's own code; no remote code runs.

    Args:
        path: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.
        changes: Values of the config that shall differ; a layer whose size they change starts anew.

    Raises:
        DataError: A file is missing or damaged, or the checkpoint is of another kind of model.
    """
    path = str(path)
    load_config(path, revision)
    try:
        model = GloveLstmForSequenceClassification.from_pretrained(
            path, revision=revision or "main", ignore_mismatched_sizes=bool(changes), **changes
        )
        tokenizer = GloveLstmTokenizer.from_pretrained(path, revision=revision or "main")
    except Exception as error:
        raise DataError(
            f"{path} cannot be loaded ({first_line(error)}): get the checkpoint again."
        ) from error
    shapes = "token_type_ids" in tokenizer.model_input_names
    check_tokenizer(path, model.config.to_dict(), tokenizer.vocab_size, shapes=shapes)
    return model, tokenizer


def load_config(path: str, revision: str | None = None) -> GloveLstmConfig:
    """Load the config of a checkpoint of ours.

    Raises:
        DataError: It is missing or damaged, or of another kind of model.
    """
    check_revision(path, revision)
    folder = Path(path)
    if folder.is_dir():
        for name in _NEEDED:
            if not (folder / name).is_file():
                raise DataError(f"{folder} is no complete checkpoint: {name} is missing.")
            if not (folder / name).stat().st_size:
                raise DataError(f"{folder / name} is empty: get the checkpoint again.")
    elif path.count("/") > 1 or path.startswith((".", "/", "~")):
        raise DataError(
            f"{path} is no folder; give a checkpoint's folder, or a repository's id such as user/name."
        )
    try:
        values, _ = GloveLstmConfig.get_config_dict(path, revision=revision)
        kind = values.get("model_type")
        if kind == GloveLstmConfig.model_type:
            return GloveLstmConfig.from_pretrained(path, revision=revision or "main")
    except Exception as error:
        raise DataError(f"{path}: its config.json cannot be read ({first_line(error)}).") from error
    raise DataError(
        f"{path} is a model of type {kind!r}; this package loads {GloveLstmConfig.model_type!r}."
    )
