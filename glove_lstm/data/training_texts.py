"""The earlier names of `data/text_record.py`, until training uses the new ones."""

from glove_lstm.data.text_record import TextRecord as TrainingTexts
from glove_lstm.data.text_record import hash_texts

__all__ = ["TrainingTexts", "hash_texts"]
