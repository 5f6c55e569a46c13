"""A checkpoint's files: where the shipped one lies, what the weights file holds, and whether an ONNX file fits it.

Needs the standard library alone.
"""

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import read_checkpoint_json

# Inside the package in a wheel, beside it in a clone.
_PACKAGE = Path(__file__).resolve().parents[1]
DEFAULT_CHECKPOINT = (_PACKAGE if (_PACKAGE / "hub").is_dir() else _PACKAGE.parent) / "hub"
ONNX_NAME = "model.onnx"
INT8_NAME = "model_int8.onnx"
WEIGHTS_NAME = "model.safetensors"
DIGEST_KEY = "glove_lstm.made_from"  # in the ONNX file's metadata

# The fields of the config that change what the network computes; the others are about training, or names.
RESULT_FIELDS = (
    "vocab_size",
    "embedding_size",
    "type_vocab_size",
    "type_embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "bidirectional",
    "window_size",
    "lstm_length",
    "pooling",
    "classifier_hidden_size",
    "ngram_buckets",
    "ngram_opening",
    "character_ngrams",
    "character_buckets",
    "shape_buckets",
    "ngram_weight",
    "temperature",
)
# As the ONNX format (protocol buffers) lays down an entry of the metadata: field 1 is the key, field 2 the value.
_ENTRY = re.compile(
    b"\x0a" + bytes([len(DIGEST_KEY)]) + re.escape(DIGEST_KEY.encode()) + rb"\x12\x40([0-9a-f]{64})"
)


_KINDS = {"F32": "<f4", "F16": "<f2", "I16": "<i2"}  # what a checkpoint of ours holds, as numpy calls it


@dataclass(frozen=True)
class StoredTensor:
    """Where and how a tensor lies in `model.safetensors`.

    Attributes:
        kind: As numpy calls it.
        shape: Its sizes.
        offset: Bytes from the file's begin.
        length: Bytes.
    """

    kind: str
    shape: tuple[int, ...]
    offset: int
    length: int


def stored_tensors(path: Path) -> dict[str, StoredTensor]:
    """What a safetensors file holds, by name: 8 bytes tell the length of the JSON that follows, which tells it.

    Raises:
        DataError: A tensor is of a kind that only torch reads.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    found = {}
    for name, tensor in header.items():
        if tensor["dtype"] not in _KINDS:
            raise DataError(
                f"{path}: {name} is stored as {tensor['dtype']}; save the model in float32 to export it."
            )
        begin, end = tensor["data_offsets"]
        found[name] = StoredTensor(
            _KINDS[tensor["dtype"]], tuple(tensor["shape"]), 8 + length + begin, end - begin
        )
    return found


def weights_digest(folder: Path) -> str:
    """SHA-256 of a checkpoint's weights and of what its config says of the network; about 10 ms for 14 MB.

    Raises:
        DataError: A file is missing or no JSON.
    """
    config = read_checkpoint_json(folder / "config.json")
    # A field that came after a checkpoint was saved is not in its config, and leaves its digest as it was.
    said = {name: config[name] for name in RESULT_FIELDS if name in config}
    found = hashlib.sha256(json.dumps(said).encode())
    try:
        with (folder / WEIGHTS_NAME).open("rb", buffering=0) as file:
            while part := file.read(1 << 20):
                found.update(part)
    except OSError as error:
        raise DataError(f"{folder / WEIGHTS_NAME} cannot be read: {error.strerror}.") from None
    return found.hexdigest()


def check_tokenizer(folder: str | Path, config: Mapping[str, Any], words: int, *, shapes: bool) -> None:
    """Refuse a tokenizer that does not give what the model reads.

    Args:
        folder: The checkpoint, for the message.
        config: As in config.json.
        words: Of the tokenizer's vocabulary.
        shapes: Whether the tokenizer gives `token_type_ids`.

    Raises:
        DataError: It has more words than the model has rows, or gives no shapes to a model that reads them.
    """
    rows = config.get("vocab_size", 0)
    if words > rows:
        raise DataError(
            f"{folder}: tokenizer.json has {words} words, but the model only {rows}: "
            "the files belong to different checkpoints."
        )
    reads_shapes = config.get("type_embedding_size") or config.get("ngram_buckets")
    if reads_shapes and config.get("type_vocab_size", 7) > 1 and not shapes:
        raise DataError(
            f"{folder}: the model reads word shapes (token_type_ids), which its tokenizer does not give: "
            "the files belong to different checkpoints."
        )


def check_made_from(onnx_file: Path, digest: str) -> None:
    """Refuse an ONNX file that was not made from the weights and the config with this digest.

    Raises:
        DataError: Names the file, and how to make it anew.
    """
    try:
        entry = _ENTRY.search(onnx_file.read_bytes())
    except OSError as error:
        raise DataError(f"{onnx_file} cannot be read: {error.strerror}.") from None
    again = f"make it anew with glove-lstm export {onnx_file.parent}, or remove it"
    if entry is None:
        raise DataError(f"{onnx_file} was not made by glove-lstm, or is damaged: {again}.")
    if entry[1].decode() != digest:
        raise DataError(f"{onnx_file} was not made from the weights and the config beside it: {again}.")
