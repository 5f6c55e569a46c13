"""Base class of the `datasets` builders, over local files or one verified download."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets

from glove_lstm.errors import DataError, first_line
from glove_lstm.files import FilePath, check_file, fingerprint, user_path
from glove_lstm.vectors.download import download


class NewsBuilder(datasets.GeneratorBasedBuilder):
    """A builder over local files or one verified download.

    A subclass sets `URL`, the address of the download, and `LOCAL`, the argument that names a local copy of it:
    "data_files" or "data_dir". Its `_split_generators` reads the rows, because `datasets` hides the errors of
    `_generate_examples`.

    Args:
        config_name: One of the builder's configs.
        data_files: A local file instead of the download.
        data_dir: A folder with local files instead of the download.
        **kwargs: Passed on to `datasets`.

    Raises:
        DataError: A file is missing, the config is unknown, or the builder needs the other of `data_files` and
            `data_dir`.
    """

    URL: str
    LOCAL = "data_files"

    def __init__(
        self,
        *,
        config_name: str | None = None,
        data_files: FilePath | None = None,
        data_dir: FilePath | None = None,
        **kwargs: Any,
    ) -> None:
        name = type(self).__name__
        known = [config.name for config in self.BUILDER_CONFIGS]
        if config_name is not None and config_name not in known:
            raise DataError(
                f"{name} has no config {config_name!r}; choose from {', '.join(known)}."
            )
        paths = {"data_files": data_files, "data_dir": data_dir}
        local = paths.pop(self.LOCAL)
        for option, path in paths.items():
            if path is not None:
                raise DataError(f"{name} takes no {option}; give {self.LOCAL}.")
        self.files: dict[str, Path] = {}
        if local is not None:
            self.files = self.local_files(user_path(local).absolute())
        for file in self.files.values():
            check_file(file)
        # The files are not given as data_files, whose names `datasets` takes for patterns.
        super().__init__(config_name=config_name, hash=_cache_key(self.files.values()), **kwargs)

    def local_files(self, path: Path) -> dict[str, Path]:
        """Return the local files by split, from the path in `data_files` or `data_dir`.

        Here it is one file, "train", from which the builder cuts all splits.
        """
        return {"train": path}

    @property
    def source(self) -> str:
        """The names of the files, or the address of the download."""
        if not self.files:
            return self.URL
        return ", ".join(path.name for path in self.files.values())

    def download(self, **checks: Any) -> Path:
        """Download `URL`; an error names the argument for a local copy."""
        try:
            return download(self.URL, **checks)
        except DataError as error:
            raise DataError(
                f"{first_line(error)} (or give a copy of the data as {self.LOCAL})."
            ) from error

    def _generate_examples(
        self, rows: Sequence[dict[str, Any]]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(rows)


def _cache_key(files: Iterable[Path]) -> str:
    """Return a hash of the files and of this code: `datasets` prepares the splits again if either changes."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(repr([fingerprint(file) for file in files]).encode())
    return digest.hexdigest()[:16]
