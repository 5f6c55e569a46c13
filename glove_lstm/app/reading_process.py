"""Read a stranger's file in a process with bounded memory and time, so that no file can bring the app down.

python -m glove_lstm.app.reading_process FILE COLUMNS ROWS CHARACTERS ROW_CHARACTERS

A few kilobytes of gzip or Parquet may unpack to more than the machine's memory. Writes a JSON line a row,
[number, text, pair] or [number, reason] where it cannot be read, or at the end {"error": a sentence}.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import BadRow, open_files

_MEMORY = 3 << 30  # bytes of address space; pyarrow reserves more than it uses
_SECONDS = 60  # of processor time
_WINDOW = 64


def main(argv: list[str]) -> None:
    """Read and write."""
    path, columns, *numbers = argv
    rows, characters, row_characters = map(int, numbers)
    _limit_process()
    try:
        for line in _lines(Path(path), columns or None, rows, characters, row_characters):
            sys.stdout.write(json.dumps(line) + "\n")
    except DataError as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
    except MemoryError:
        sys.stdout.write(
            json.dumps({"error": f"{path} is too large once unpacked; send a part of it."}) + "\n"
        )


def _lines(path: Path, columns: str | None, rows: int, characters: int, row_characters: int) -> Iterator[Any]:
    read = 0
    source = open_files([path], columns, skip_bad=True)
    for _, window in source.windows(_WINDOW):
        for row in window or ():
            if row.number > rows:
                raise DataError(f"{path} has more than {rows:,} rows, which is all that this page takes.")
            if isinstance(row, BadRow):
                yield [row.number, row.reason]
                continue
            length = len(row.text) + len(row.pair or "")
            read += length
            if read > characters:
                raise DataError(f"{path} has more than {characters:,} characters of text; send a part of it.")
            if length > row_characters:
                yield [row.number, f"{path}, row {row.number} has more than {row_characters:,} characters."]
            else:
                yield [row.number, row.text, row.pair]


def _limit_process() -> None:
    try:
        import resource
    except ImportError:  # Windows knows no such limits
        return
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS + 1))
    if sys.platform == "linux":  # elsewhere the limit is refused or ignored
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    main(sys.argv[1:])
