"""Limits of requests to the app. A request beyond one of them is rejected with an error message."""

from glove_lstm.processors import processors

CHARACTERS = 100_000  # title and text together; the model reads 2,048 tokens, about a tenth
BODY_BYTES = 1_500_000  # a JSON request with CHARACTERS escaped characters
RECEIVING_BYTES = 256 << 20  # all requests being received
FILE_BYTES = 10 << 20  # an upload
FILE_ROWS = 5_000
STORED_BYTES = 1 << 30  # all uploads and downloads together
STORED_SECONDS = 1800  # lifetime of an upload or a download
WORKERS = min(len(processors()), 8)  # requests that compute at the same time
QUEUE = 100  # waiting requests

TEXT_TOO_LONG = f"A text may have at most {CHARACTERS:,} characters. Send a part of it."
FILE_TOO_LARGE = f"A file may have at most {FILE_BYTES:,} bytes. Send a part of it."
