"""Find the files of a checkpoint, and check that they belong together. No heavy imports."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.files import check_folder, check_revision, read_checkpoint_json
from glove_lstm.errors import DataError, first_line


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

# Of each type of floating-point numbers in a safetensors file: the integer of as many bits, and the bits of the
# exponent, which are all set in infinity and NaN only.
_EXPONENTS = {
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F32": ("<u4", 0x7F800000),
    "F64": ("<u8", 0x7FF0000000000000),
}
_LABEL_BIAS = "classifier.bias"  # one value for each label
_BLOCK = 1 << 16  # values tested at a time; fits a processor's cache


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


def file_digests(folder: Path, weights: str) -> dict[str, str | None]:
    """Return the SHA-256 of each file that decides the scores, by name; None where it is missing.

    Args:
        folder: A checkpoint.
        weights: Name of the file whose weights are used: `LIGHT_NAME`, which names those of `WEIGHTS_NAME` by their
            hash, or `WEIGHTS_NAME` itself.
    """
    digests = {}
    for name in (CONFIG_NAME, *TOKENIZER_NAMES, weights):
        path = folder / name
        digests[name] = digest(path) if path.is_file() else None
    return digests


def label_names(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the labels of a config.json, in the order of the scores.

    Raises:
        DataError: They are not numbered, or two have one name, by which scores are written.
    """
    labels = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # transformers omits these
    try:
        names = tuple(labels[key] for key in sorted(labels, key=int))
    except (TypeError, ValueError):
        problem = f"{folder / CONFIG_NAME}: id2label does not number the labels"
        raise DataError(f"{problem}: get the checkpoint again.") from None
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"{folder}: {CONFIG_NAME} has two labels of the name {name!r}; rename one in id2label and label2id."
            )
    return names


def check_weights(path: Path, labels: int) -> None:
    """Check the values of a `model.safetensors`; about 2 ms for 12.5 MB.

    Args:
        path: The file.
        labels: Number of labels in the checkpoint's config.json.

    Raises:
        DataError: The file is damaged, holds NaN or infinity, or its weights are of another number of labels.
    """
    tensors = _float_tensors(path)
    for name, (bits, exponent) in tensors.items():
        # np.isfinite takes five times as long, and numpy has no bfloat16.
        for start in range(0, len(bits), _BLOCK):
            block = bits[start : start + _BLOCK]
            if (block & exponent == exponent).any():
                problem = f"{path}: {name} holds values that are not finite numbers"
                raise DataError(f"{problem}: get the checkpoint again, or train it again.")
    if _LABEL_BIAS in tensors:
        stored = len(tensors[_LABEL_BIAS][0])
        if stored != labels:
            raise DataError(
                f"{path.with_name(CONFIG_NAME)} has {labels} labels, but the weights are of {stored}: "
                "the files belong to different checkpoints."
            )


def _float_tensors(path: Path) -> dict[str, tuple[NDArray[np.unsignedinteger], int]]:
    """Map the floating-point tensors of a safetensors file into memory: the values' bits, those of the exponent."""
    tensors = {}
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(size, path.stat().st_size)))
        content = np.memmap(path, np.uint8, mode="r")[8 + size :]
        for name, tensor in header.items():
            if name == "__metadata__" or tensor["dtype"] not in _EXPONENTS:
                continue
            kind, exponent = _EXPONENTS[tensor["dtype"]]
            begin, end = tensor["data_offsets"]
            if not 0 <= begin <= end <= len(content):
                raise ValueError("the file is cut short")
            tensors[name] = content[begin:end].view(kind), exponent
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): get the checkpoint again."
        ) from None
    except (AttributeError, LookupError, TypeError, ValueError):
        raise DataError(f"{path} is damaged: get the checkpoint again.") from None
    return tensors


def check_text_length(folder: Path) -> None:
    """Check the length to which a checkpoint's tokenizer cuts texts.

    Raises:
        DataError: It is no positive whole number.
    """
    path = folder / TOKENIZER_NAMES[1]
    limit = read_checkpoint_json(path).get("model_max_length")
    if limit is None:  # texts are not cut; transformers writes 1e30 for that
        return
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if not is_number or limit < 1 or limit % 1 != 0:
        problem = f"model_max_length must be a whole number of at least 1, not {limit!r}"
        raise DataError(f"{path}: {problem}; correct it, or get the checkpoint again.")


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
