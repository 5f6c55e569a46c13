"""Check and load checkpoints of this package."""

from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification, GloveLstmTokenizer
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.errors import DataError, first_line
from glove_lstm.inference.checkpoint_files import (
    CONFIG_NAME,
    LOADED_NAMES,
    TOKENIZER_NAMES,
    WEIGHTS_NAME,
    check_text_length,
    check_tokenizer,
    check_weights,
    label_names,
    local_folder,
)


def load_checkpoint(
    path: str | Path, revision: str | None = None, **changes: Any
) -> tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase]:
    """Load a classifier and its tokenizer with this package's own code; no remote code runs.

    Args:
        path: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.
        changes: Config overrides; layers whose size they change are initialised again.

    Raises:
        DataError: A file is missing or damaged, or does not fit the others; a weight is NaN or infinite; or the
            checkpoint belongs to another model type.
    """
    config = load_config(path, revision)
    folder = local_folder(path, revision, WEIGHTS_NAME)
    for name in TOKENIZER_NAMES:
        read_checkpoint_json(folder / name)  # errors of transformers do not name the file
    check_text_length(folder)
    check_weights(folder / WEIGHTS_NAME, len(config.label_names))
    # Without it, transformers raises an error that names no weights.
    options: dict[str, Any] = {"ignore_mismatched_sizes": True, **changes}
    try:
        model, info = GloveLstmForSequenceClassification.from_pretrained(
            folder, output_loading_info=True, **options
        )
        tokenizer = GloveLstmTokenizer.from_pretrained(folder)
    except Exception as error:
        raise DataError(
            f"{path} cannot be loaded ({first_line(error)}): get the checkpoint again."
        ) from error
    wrong = set(info["missing_keys"]) | set(info["unexpected_keys"])
    wrong |= {name for name, *_ in info["mismatched_keys"]}
    if wrong and not changes:  # transformers would draw missing weights at random
        problem = f"{path}: {WEIGHTS_NAME} does not fit config.json ({min(wrong)})"
        raise DataError(f"{problem}: get the checkpoint again.")
    typed = "token_type_ids" in tokenizer.model_input_names
    check_tokenizer(folder, model.config.to_dict(), tokenizer.vocab_size, typed=typed)
    return model, tokenizer


def load_config(path: str | Path, revision: str | None = None) -> GloveLstmConfig:
    """Load the config of a checkpoint, without downloading its weights from the Hub.

    Raises:
        DataError: The config is missing, damaged or of another model type, or the folder lacks a file.
    """
    folder = local_folder(path, revision)
    if folder == Path(path):
        for name in LOADED_NAMES:
            if not (folder / name).is_file():
                raise DataError(f"{folder} is not a complete checkpoint: {name} is missing.")
    saved = read_checkpoint_json(folder / CONFIG_NAME)
    kind = saved.get("model_type")
    if kind != GloveLstmConfig.model_type:
        raise DataError(
            f"{path} is a model of type {kind!r}; this package loads {GloveLstmConfig.model_type!r}."
        )
    label_names(folder, saved)
    try:
        return GloveLstmConfig.from_pretrained(folder)
    except Exception as error:
        raise DataError(f"{path}: its config.json cannot be read ({first_line(error)}).") from error
