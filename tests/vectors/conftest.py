"""The fixtures of files."""

from file_fixtures import archives, file, private_cache, server  # noqa: F401 - fixtures
