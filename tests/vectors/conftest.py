"""The fixtures of tests/tables: files, stand-ins for the Hub and Stanford, and a cache for each test."""

from tables.conftest import archives, file, private_cache, server

__all__ = ["archives", "file", "private_cache", "server"]
