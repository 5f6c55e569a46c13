"""The base of the `datasets` builders: local files or one verified download, and plain errors."""

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import datasets
from datasets.data_files import DataFilesDict, DataFilesList
from datasets.exceptions import DatasetGenerationError

from glove_lstm.data.download import download
from glove_lstm.data.errors import DataError
from glove_lstm.data.files import check_file

logger = logging.getLogger(__name__)

FilePath = str | os.PathLike[str]
DataFiles = FilePath | Sequence[FilePath] | Mapping[str, FilePath | Sequence[FilePath]]


class NewsBuilder(datasets.GeneratorBasedBuilder):
    """A builder over local files or one verified download.

    Args:
        cache_dir: Where `datasets` prepares its Arrow files (its own default unless given). Given, the
            download is kept below it too; else below `$GLOVE_LSTM_CACHE` or `~/.cache/glove_lstm`.
        config_name: One of the builder's configs.
        data_files: A file, several, or files by split, instead of the download.
        **kwargs: Passed on; fields of the config among them.

    Raises:
        DataError: If a file is missing, the config is unknown, or there is a `data_dir`, which Liar alone takes.
    """

    def __init__(
        self,
        cache_dir: FilePath | None = None,
        *,
        config_name: str | None = None,
        data_files: DataFiles | None = None,
        **kwargs: Any,
    ) -> None:
        known = [config.name for config in self.BUILDER_CONFIGS]
        if config_name is not None and config_name not in known:
            raise DataError(
                f"{type(self).__name__} has no config {config_name!r}; choose from {', '.join(known)}."
            )
        if (
            kwargs.get("data_dir") is not None
        ):  # `datasets` would take it, and nobody would look there
            raise DataError(f"{type(self).__name__} takes no data_dir; give data_files.")
        self.download_dir = (
            None if cache_dir is None else Path(cache_dir).expanduser() / "downloads"
        )
        # `datasets` keeps using what an older version of this code prepared, unless the hash says otherwise.
        kwargs.setdefault("hash", _code_hash())
        kwargs |= {
            "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
            "config_name": config_name,
            "data_files": None if data_files is None else _resolve(data_files),
        }
        super().__init__(**kwargs)

    @property
    def local_files(self) -> dict[str, list[Path]]:
        """The local files by split (all under "train" where none was named); empty when there are none."""
        return {
            split: [Path(name) for name in names]
            for split, names in (self.config.data_files or {}).items()
        }

    @property
    def source(self) -> str:
        """What is read, in words."""
        files = [str(path) for paths in self.local_files.values() for path in paths]
        return ", ".join(files) if files else str(self.config.url)

    def download_and_prepare(self, *args: Any, **kwargs: Any) -> None:
        """Do as `datasets` does, but raise a DataError as itself and log what is read."""
        logger.info("%s (%s): reading %s.", self.dataset_name, self.config.name, self.source)
        try:
            super().download_and_prepare(*args, **kwargs)
        except DatasetGenerationError as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, DataError):
                cause = cause.__cause__
            raise (cause or error) from None

    def download(self, **checks: Any) -> Path:
        """Download the config's `url`, checked by what `download` takes; an error says what else there is."""
        try:
            return download(self.config.url, cache_dir=self.download_dir, **checks)
        except DataError as error:
            raise DataError(
                f"{str(error).rstrip('.')} (or give a copy of the data as data_files)."
            ) from error


def _resolve(data_files: DataFiles) -> DataFilesDict:
    """Turn plain paths into what `datasets` hashes.

    Its own resolving takes the names for patterns: brackets in a name, or a hidden folder, and the file is
    not found.
    """
    by_split = data_files if isinstance(data_files, Mapping) else {"train": data_files}
    resolved = DataFilesDict()
    for split, files in by_split.items():
        paths = (
            [Path(files)]
            if isinstance(files, str | os.PathLike)
            else [Path(file) for file in files]
        )
        paths = [path.expanduser().absolute() for path in paths]
        for path in paths:
            check_file(path)
        # Size and time: a changed file is read anew.
        stamps = [(str(path.stat().st_size), str(path.stat().st_mtime_ns)) for path in paths]
        resolved[split] = DataFilesList([str(path) for path in paths], stamps)
    return resolved


@cache
def _code_hash() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
