"""What this folder's `datasets` builders share: local files, a cache that notices changes, plain errors."""

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import datasets
from datasets.config import DATASET_INFO_FILENAME
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
        if kwargs.get("data_dir") is not None:  # `datasets` would take it, and nobody would look there
            raise DataError(f"{type(self).__name__} takes no data_dir; give data_files.")
        self.download_dir = None if cache_dir is None else Path(cache_dir).expanduser() / "downloads"
        # `datasets` keeps using what an older version of this code prepared, unless the hash says otherwise.
        kwargs.setdefault("hash", _code_hash())
        kwargs |= {
            "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
            "config_name": config_name,
            "data_files": None if data_files is None else _resolve(data_files),
        }
        try:
            super().__init__(**kwargs)
        except (ValueError, TypeError):
            if not self._forget_prepared():
                raise
            super().__init__(**kwargs)

    @property
    def local_files(self) -> dict[str, list[Path]]:
        """The local files by split (all under "train" where none was named); empty when there are none."""
        return {
            split: [Path(name) for name in names] for split, names in (self.config.data_files or {}).items()
        }

    @property
    def source(self) -> str:
        """What is read, in words."""
        files = [str(path) for paths in self.local_files.values() for path in paths]
        return ", ".join(files) if files else str(self.config.url)

    def download_and_prepare(self, *args: Any, **kwargs: Any) -> None:
        """Do as `datasets` does, but raise a DataError as itself and say what is read."""
        kind = "local file" if self.local_files else "original"
        logger.info("%s (%s): reading the %s %s.", self.dataset_name, self.config.name, kind, self.source)
        self._prepare(*args, **kwargs)
        if not self._is_whole() and self._forget_prepared():
            self._prepare(*args, **kwargs)

    def _prepare(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().download_and_prepare(*args, **kwargs)
        except DatasetGenerationError as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, DataError):
                cause = cause.__cause__
            if cause is None:
                raise
            raise cause from None

    def _is_whole(self) -> bool:
        """Whether every split can be opened and has the rows that were once prepared."""
        try:
            found = self.as_dataset()
            return all(len(rows) == self.info.splits[name].num_examples for name, rows in found.items())
        except (OSError, ValueError):  # those of Arrow among them
            return False

    def _forget_prepared(self) -> bool:
        """Let prepared data that are damaged be prepared again, if there are any."""
        folder = getattr(self, "_cache_dir", None)  # what fails before it has one fails for another reason
        info = Path(folder or "", DATASET_INFO_FILENAME)
        if not folder or not info.is_file():
            return False
        logger.warning("The prepared data in %s are damaged; preparing them again.", info.parent)
        info.unlink()
        return True

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
        paths = [Path(files)] if isinstance(files, str | os.PathLike) else [Path(file) for file in files]
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
