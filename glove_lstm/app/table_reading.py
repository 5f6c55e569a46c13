"""Uploaded tables, read in a process of bounded memory and time.

A few kilobytes of gzip or Parquet can decompress to more than the machine's memory. The process runs this module:
`python -m glove_lstm.app.table_reading FILE COLUMNS` writes a line of JSON per row, [number, text, pair] or
[number, message], or "message" if the whole file is rejected.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glove_lstm.app import limits
from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import BadRow
from glove_lstm.data.streaming import TextRow, open_files


def read_table(path: Path, columns: str) -> tuple[list[TextRow], list[str]]:
    """Read an uploaded table.

    Args:
        path: A table in any format that `glove-lstm predict` reads.
        columns: Names of text columns, title before body, separated by commas; "" takes the default columns.

    Returns:
        The rows, and the error messages of rows that cannot be read.

    Raises:
        DataError: The file is damaged, of another format or beyond a limit.
    """
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", __name__, str(path), columns]
    seconds = 2 * limits.FILE_SECONDS
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            check=True,
        )
    except subprocess.SubprocessError:
        raise DataError(
            f"{path.name} takes too much time or memory to read. Send a part of it as CSV."
        ) from None
    folder = f"{path.parent}{os.sep}"  # messages name the file as the visitor does
    rows, errors = [], []
    for row in map(json.loads, done.stdout.splitlines()):
        if isinstance(row, str):
            raise DataError(row.replace(folder, ""))
        number, text, *pair = row
        if pair:
            rows.append(TextRow(path.name, number, text, *pair))
        else:
            errors.append(text.replace(folder, ""))
    return rows, errors


def _read(path: str, columns: str) -> Iterator[Any]:
    characters = 0
    for row in open_files([path], columns or None, skip_bad=True):
        if row.number > limits.FILE_ROWS:
            raise DataError(f"{path} has more than {limits.FILE_ROWS:,} rows. Send a part of it.")
        if isinstance(row, BadRow):
            yield row.number, row.reason
            continue
        length = len(row.text) + len(row.pair or "")
        characters += length
        if characters > limits.FILE_CHARACTERS:
            raise DataError(
                f"{path} has more than {limits.FILE_CHARACTERS:,} characters. Send a part of it."
            )
        if length > limits.CHARACTERS:
            reason = f"{path}, row {row.number} has more than {limits.CHARACTERS:,} characters."
            yield row.number, reason
        else:
            yield row.number, row.text, row.pair


if __name__ == "__main__":
    if sys.platform != "win32":  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (limits.FILE_SECONDS, limits.FILE_SECONDS + 1))
    if sys.platform == "linux":  # macOS ignores or rejects this limit
        resource.setrlimit(resource.RLIMIT_AS, (limits.FILE_MEMORY, limits.FILE_MEMORY))
    try:
        for row in _read(*sys.argv[1:]):
            sys.stdout.write(json.dumps(row) + "\n")
    except DataError as error:
        sys.stdout.write(json.dumps(str(error)) + "\n")
