"""Find the files of a checkpoint, and check that they belong together. No heavy imports."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glove_lstm.data.files import (
    DataError,
    check_folder,
    check_revision,
    first_line,
    read_checkpoint_json,
)


def shipped(name: str) -> Path:
    """Return the path of a file or folder that is in the package in a wheel, and beside it in a clone."""
    package = Path(__file__).resolve().parents[1]
    return package / name if (package / name).exists() else package.parent / name


DEFAULT_CHECKPOINT = shipped("hub")
CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
ONNX_NAME = "onnx/model.onnx"  # with all weights; where transformers.js and Optimum look for it
LIGHT_NAME = "light.onnx"  # of `LightClassifier`; reads large weights from model.safetensors
TOKENIZER_NAMES = ("tokenizer.json", "tokenizer_config.json")
LOADED_NAMES = (CONFIG_NAME, WEIGHTS_NAME, *TOKENIZER_NAMES)  # what transformers needs
CONFIG_KEY, WEIGHTS_KEY = "glove_lstm.config", "glove_lstm.weights"  # in the ONNX file's metadata

# Fields of config.json that may change without another export, because they do not change the logits.
_NAMING = {"architectures", "auto_map", "dtype", "id2label", "label2id", "problem_type"}
_NAMING |= {"label_type", "text_column_names", "thresholds", "transformers_version"}


def local_folder(model: str | Path, revision: str | None = None, *more: str) -> Path:
    """Return the folder of a checkpoint; from the Hub, the needed files are downloaded into the cache.

    Args:
        model: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.
        more: Names or patterns of files besides config and tokenizer.

    Raises:
        DataError: There is no such folder, and the download fails.
    """
    check_revision(model, revision)
    check_folder(Path(model))
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    try:
        names = [CONFIG_NAME, *TOKENIZER_NAMES, *more]
        return Path(snapshot_download(str(model), revision=revision, allow_patterns=names))
    except Exception as error:
        raise DataError(
            f"The model {model} could not be loaded: there is no such folder, and the Hub says: "
            f"{first_line(error)}; check the name, the revision and the network."
        ) from error


def origin(folder: Path) -> dict[str, str]:
    """Return an ONNX file's metadata: the SHA-256 of the config and of the weights."""
    config = read_checkpoint_json(folder / CONFIG_NAME)
    computed = {name: value for name, value in config.items() if name not in _NAMING}
    text = json.dumps(computed, sort_keys=True)
    config_digest = hashlib.sha256(text.encode()).hexdigest()
    return {CONFIG_KEY: config_digest, WEIGHTS_KEY: digest(folder / WEIGHTS_NAME)}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; about 10 ms for 14 MB."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_tokenizer(
    folder: str | Path, config: Mapping[str, Any], words: int, *, typed: bool
) -> None:
    """Check that a tokenizer with `words` entries, with or without token types, fits the model.

    Raises:
        DataError: Its vocabulary is larger than the model's, or it gives no token types and the model needs them.
    """
    rows, wrong = config.get("vocab_size", 0), ""
    if words > rows:
        wrong = f"tokenizer.json has {words} words, but the model only {rows}"
    elif (config.get("type_embedding_size") or config.get("character_buckets")) and not typed:
        wrong = "the model reads token_type_ids, which its tokenizer does not give"
    if wrong:
        raise DataError(f"{folder}: {wrong}: the files belong to different checkpoints.")
