"""The Python files that travel to the Hub with each model."""

from pathlib import Path

from glove_lstm.checkpoint.names import CODE_PATTERN
from glove_lstm.files import package_resource


def remote_code() -> list[Path]:
    """Return the sources that travel with each model."""
    files = []
    for package in ("modeling", "tokenization"):
        files += sorted(package_resource(package).glob(f"[!_]{CODE_PATTERN}"))  # not __init__.py
    return files
