"""How much one visitor, and all of them together, may ask for."""

from dataclasses import dataclass, field

from glove_lstm.inference.backends import processors


@dataclass(frozen=True)
class Limits:
    """Every request beyond one of these is refused in a sentence that names it.

    Attributes:
        characters: Of a title and a text together. The model reads 2,048 tokens, a tenth of that.
        file_bytes: Of an upload, as it comes.
        file_characters: Of all rows of an upload, unpacked.
        rows: Of an upload.
        table_rows: Shown on the page; all are in the download.
        words: On a map.
        body_bytes: Of a request that is no upload: `characters`, each as JSON may spell it.
        reading_bytes: Of all requests that are being received.
        stored_bytes: Of all uploads and downloads together.
        stored_seconds: After which an upload or a download is removed.
        at_once: Requests that compute at the same time.
        waiting: Requests that wait for their turn.
        any_models: Checkpoints that visitors named and that stay loaded, where they may name some.
    """

    characters: int = 100_000
    file_bytes: int = 10 << 20
    file_characters: int = 20_000_000
    rows: int = 5_000
    table_rows: int = 100
    words: int = 60
    body_bytes: int = 1_500_000
    reading_bytes: int = 100 << 20
    stored_bytes: int = 1 << 30
    stored_seconds: float = 1800.0
    at_once: int = field(default_factory=lambda: min(len(processors()), 8))
    waiting: int = 100
    any_models: int = 2

    @property
    def too_long(self) -> str:
        """What is said of a text beyond `characters`."""
        return f"A text may have at most {self.characters:,} characters here; send a part of it."
