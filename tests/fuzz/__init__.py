"""A fuzzer: hostile texts through every route, hostile files through the readers. `python -m fuzz --help`."""
