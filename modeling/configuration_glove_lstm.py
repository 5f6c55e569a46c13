"""Configuration of the GloVe+LSTM classifier. Travels to the Hub: imports only transformers and siblings."""

from collections.abc import Sequence
from math import inf
from typing import Any

from transformers import PreTrainedConfig

POOLINGS = ("max", "mean", "attention")

AUTO_MAP = {
    "AutoConfig": "configuration_glove_lstm.GloveLstmConfig",
    "AutoModel": "modeling_glove_lstm.GloveLstmModel",
    "AutoModelForSequenceClassification": "modeling_glove_lstm.GloveLstmForSequenceClassification",
}


class GloveLstmConfig(PreTrainedConfig):
    """Shape of a GloVe+LSTM encoder and classifier. The defaults are those of the published network.

    Args:
        vocab_size: Number of rows of the word embedding, padding and unknown word included.
        embedding_size: Width of a word vector.
        type_vocab_size: Number of word shapes in `token_type_ids`; 1 where the tokenizer gives none.
        type_embedding_size: Width of the learned embedding of `token_type_ids`; 0 switches it off.
        hidden_size: Units of the LSTM in one direction.
        num_hidden_layers: LSTM layers on top of one another.
        bidirectional: Whether a second LSTM reads from the last word to the first.
        window_size: After so many tokens the LSTM starts afresh, and the windows of a text are read side by side,
            which is faster; pooling is over all of them. 0: one window, however long.
        lstm_length: Tokens of a text that the LSTM reads, the first ones; 0: all. The n-gram classifier reads on.
        pooling: How the LSTM's outputs over the real tokens become one vector: one or several (concatenated) of
            "max", "mean" and "attention".
        classifier_hidden_size: Units of the dense ReLU layer before the logits.
        ngram_buckets: Rows of the table of hashed words and word pairs that a linear classifier beside the LSTM
            looks at; 0 leaves that classifier out.
        ngram_opening: Words and pairs among so many of a text's first tokens count once more, by weights of their
            own; 0: not.
        character_ngrams: At most so many character n-grams of each word join them; 0: none.
        character_buckets: Rows of the table of hashed character n-grams, at most 32,768.
        shape_buckets: Rows of the table of hashed runs of three word shapes, and of words beside a shape; 0: none.
        word_dropout: Share of words that training replaces by the unknown word.
        embedding_dropout: Dropout of the LSTM's input.
        hidden_dropout: Dropout of the pooled vector, and between LSTM layers.
        classifier_dropout: Dropout after the dense layer.
        ngram_weight: How much the linear classifier's logits count beside those of the LSTM. Fitted on validation
            data together with the temperature.
        freeze_embeddings: Whether training leaves the word vectors as they are.
        half_precision_embeddings: Whether a save stores the word vectors and the n-gram tables in 16 bits where that
            changes no value. The arithmetic stays in the model's own precision.
        temperature: What the logits are divided by, so that softmax gives calibrated probabilities
            (Guo et al. 2017, https://arxiv.org/abs/1706.04599). Fitted on validation data; 1.0 until then.
        pad_token_id: Row of the word embedding that stays zero.
        unk_token_id: Row of the unknown word.
        kwargs: Passed to `PreTrainedConfig`, such as `id2label`.

    Raises:
        ValueError: A value is outside its range; the message names the argument.
    """

    model_type = "glove_lstm"
    keys_to_ignore_at_inference = ["part_logits"]  # noqa: RUF012 (transformers' own form)
    # Declared, because transformers refuses to save undeclared fields that generation has too.
    temperature: float = 1.0

    def __init__(
        self,
        vocab_size: int = 60_000,
        embedding_size: int = 100,
        type_vocab_size: int = 7,
        type_embedding_size: int = 0,
        hidden_size: int = 60,
        num_hidden_layers: int = 1,
        bidirectional: bool = False,
        window_size: int = 0,
        lstm_length: int = 0,
        pooling: str | Sequence[str] = ("max",),
        classifier_hidden_size: int = 50,
        ngram_buckets: int = 0,
        ngram_opening: int = 0,
        character_ngrams: int = 0,
        character_buckets: int = 32_768,
        shape_buckets: int = 0,
        word_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        hidden_dropout: float = 0.1,
        classifier_dropout: float = 0.1,
        ngram_weight: float = 1.0,
        freeze_embeddings: bool = True,
        half_precision_embeddings: bool = True,
        temperature: float = 1.0,
        pad_token_id: int = 0,
        unk_token_id: int = 1,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = _at_least(2, vocab_size=vocab_size)
        self.embedding_size = _at_least(1, embedding_size=embedding_size)
        self.type_vocab_size = _at_least(1, type_vocab_size=type_vocab_size)
        self.type_embedding_size = _at_least(0, type_embedding_size=type_embedding_size)
        self.hidden_size = _at_least(1, hidden_size=hidden_size)
        self.num_hidden_layers = _at_least(1, num_hidden_layers=num_hidden_layers)
        self.bidirectional = _yes_or_no(bidirectional=bidirectional)
        self.window_size = _at_least(0, window_size=window_size)
        self.lstm_length = _at_least(0, lstm_length=lstm_length)
        self.pooling = _poolings(pooling)
        self.classifier_hidden_size = _at_least(1, classifier_hidden_size=classifier_hidden_size)
        self.ngram_buckets = _at_least(0, ngram_buckets=ngram_buckets)
        self.ngram_opening = _at_least(0, ngram_opening=ngram_opening)
        self.character_ngrams = _at_least(0, character_ngrams=character_ngrams)
        if _at_least(2, character_buckets=character_buckets) > 32_768:  # they are stored in 16 bits
            raise ValueError(f"character_buckets must be at most 32,768, not {character_buckets!r}")
        self.character_buckets = character_buckets
        self.shape_buckets = _at_least(0, shape_buckets=shape_buckets)
        self.word_dropout = _share(word_dropout=word_dropout)
        self.embedding_dropout = _share(embedding_dropout=embedding_dropout)
        self.hidden_dropout = _share(hidden_dropout=hidden_dropout)
        self.classifier_dropout = _share(classifier_dropout=classifier_dropout)
        self.freeze_embeddings = _yes_or_no(freeze_embeddings=freeze_embeddings)
        self.half_precision_embeddings = _yes_or_no(
            half_precision_embeddings=half_precision_embeddings
        )
        self.ngram_weight = _positive(ngram_weight=ngram_weight)
        self.temperature = _positive(temperature=temperature)
        for name, row in (("pad_token_id", pad_token_id), ("unk_token_id", unk_token_id)):
            if _at_least(0, **{name: row}) >= vocab_size:
                raise ValueError(f"{name} must be below vocab_size {vocab_size}, not {row!r}")
        self.unk_token_id = unk_token_id
        named = "id2label" in kwargs or "label2id" in kwargs
        if not named and kwargs.get("num_labels", 2) == 2:
            kwargs["id2label"] = {0: "FAKE", 1: "REAL"}
            kwargs["label2id"] = {"FAKE": 0, "REAL": 1}
        super().__init__(**kwargs)
        self.pad_token_id = pad_token_id
        # A save writes only the key of the class that is saved; an encoder must load from a classifier too.
        self.auto_map = {**AUTO_MAP, **(getattr(self, "auto_map", None) or {})}

    @property
    def label_names(self) -> list[str]:
        """The labels, in the order of the logits."""
        names: dict[Any, str] = self.id2label or {}
        return [names[label] for label in sorted(names, key=int)]

    @property
    def reads_shapes(self) -> bool:
        """Whether the classifier needs `token_type_ids`."""
        return self.type_vocab_size > 1 and bool(self.type_embedding_size or self.ngram_buckets)

    @property
    def output_size(self) -> int:
        """Width of the LSTM's output for one token."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    @property
    def pooled_size(self) -> int:
        """Width of the vector that stands for a whole text."""
        return self.output_size * len(self.pooling)


def _at_least(low: int, **named: int) -> int:
    ((name, value),) = named.items()
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, not {value!r}")
    return value


def _yes_or_no(**named: bool) -> bool:
    ((name, value),) = named.items()
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def _share(**named: float) -> float:
    ((name, value),) = named.items()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a number from 0 to below 1, not {value!r}")
    return value


def _positive(**named: float) -> float:
    ((name, value),) = named.items()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
        raise ValueError(f"{name} must be a positive number, not {value!r}")
    return float(value)


def _poolings(pooling: str | Sequence[str]) -> list[str]:
    names = [pooling] if isinstance(pooling, str) else pooling
    known = isinstance(names, Sequence) and all(name in POOLINGS for name in names)
    if not known or not 0 < len(names) == len(set(names)):
        raise ValueError(f"pooling must be some of {', '.join(POOLINGS)}, not {pooling!r}")
    return list(names)


GloveLstmConfig.register_for_auto_class()
