"""Configuration of the GloVe+LSTM classifier. Travels to the Hub: imports only transformers and siblings."""

from math import inf
from typing import Any

import transformers

if int(transformers.__version__.split(".")[0]) < 5:
    raise ImportError(
        f"GloVe+LSTM needs transformers 5 or later, not {transformers.__version__}: "
        "pip install 'transformers>=5'"
    )

from transformers import PreTrainedConfig

# `token_type_ids` as word_shapes.py makes them: a shape below 7, plus 8 times KNOWN or an unknown word's spelling.
SHAPE_COUNT, SPELLING, KNOWN = 7, 8, 32
# A spelling is the sum of the codes of up to 12 characters, the first times 1, the second times 32, and so on.
SPELLED, CODES = 12, 32

LABEL_TYPES = ("str", "int", "bool", "float")  # values of `label_type`

# Arguments of the config that are fitted to validation data, and their values before.
FITTED = {"ngram_weight": 1.0, "shrinkage": 0.0, "temperature": 1.0, "thresholds": None}

AUTO_MAP = {
    "AutoConfig": "configuration_glove_lstm.GloveLstmConfig",
    "AutoModel": "modeling_glove_lstm.GloveLstmModel",
    "AutoModelForSequenceClassification": "modeling_glove_lstm.GloveLstmForSequenceClassification",
}


class GloveLstmConfig(PreTrainedConfig):
    """Shape of a GloVe+LSTM encoder and classifier. Most defaults are those of the published network.

    Args:
        vocab_size: Number of rows of the word embedding, padding and unknown word included.
        embedding_size: Width of a word vector.
        type_embedding_size: Width of the learned embedding of word shapes; 0: the model does not read
            them.
        character_buckets: Rows of the table of vectors of hashed character n-grams, of which an unknown word gets the
            mean; 0: the model does not read characters.
        hidden_size: Units of the LSTM.
        lstm_length: Number of leading tokens that the LSTM reads; 0: all. Beside the n-gram classifier, which reads all
            tokens, the LSTM's logits are scaled by the share of the tokens that it reads.
        classifier_hidden_size: Units of the dense ReLU layer before the logits.
        ngram_buckets: Rows of the table of hashed n-grams of the linear classifier beside the LSTM; 0: without it.
        embedding_dropout: Dropout of the LSTM's input.
        dropout: Dropout of the pooled vector, and after the dense layer.
        freeze_embeddings: Whether training leaves the word vectors as they are.
        ngram_weight: Factor of the linear classifier's logits. Fitted on validation data.
        shrinkage: A text of n known tokens has its logits multiplied by n / (n + shrinkage), so that scores of short
            texts stay near the even odds of a model that knows nothing. Fitted on validation data.
        temperature: Divisor of the logits, so that softmax gives calibrated probabilities (Guo et al. 2017,
            https://arxiv.org/abs/1706.04599). Fitted on validation data.
        thresholds: Least score of each label that a text gets, where it may have several. Fitted on validation data.
        pad_token_id: Row of the word embedding that stays zero.
        unk_token_id: Row of the unknown word.
        text_column_names: Text columns of the training table, title before body. None: they are unknown, or the texts
            were in memory. Does not change the logits.
        label_type: Python type of the labels that `id2label` names: "str", "int", "bool" or "float"; None: strings.
            Does not change the logits.
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
        type_embedding_size: int = 0,
        character_buckets: int = 0,
        hidden_size: int = 60,
        lstm_length: int = 0,
        classifier_hidden_size: int = 50,
        ngram_buckets: int = 0,
        embedding_dropout: float = 0.0,
        dropout: float = 0.1,
        freeze_embeddings: bool = True,
        ngram_weight: float = 1.0,
        shrinkage: float = 0.0,
        temperature: float = 1.0,
        thresholds: list[float] | None = None,
        pad_token_id: int = 0,
        unk_token_id: int = 1,
        text_column_names: list[str] | None = None,
        label_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = _at_least(2, vocab_size=vocab_size)
        self.embedding_size = _at_least(1, embedding_size=embedding_size)
        self.type_embedding_size = _at_least(0, type_embedding_size=type_embedding_size)
        self.character_buckets = _at_least(0, character_buckets=character_buckets)
        self.hidden_size = _at_least(1, hidden_size=hidden_size)
        self.lstm_length = _at_least(0, lstm_length=lstm_length)
        self.classifier_hidden_size = _at_least(1, classifier_hidden_size=classifier_hidden_size)
        self.ngram_buckets = _at_least(0, ngram_buckets=ngram_buckets)
        self.embedding_dropout = _number(0, 1, embedding_dropout=embedding_dropout)
        self.dropout = _number(0, 1, dropout=dropout)
        if not isinstance(freeze_embeddings, bool):
            raise ValueError(f"freeze_embeddings must be true or false, not {freeze_embeddings!r}")
        self.freeze_embeddings = freeze_embeddings
        self.ngram_weight = _number(0, inf, ngram_weight=ngram_weight)
        self.shrinkage = _number(0, inf, shrinkage=shrinkage)
        self.temperature = _number(0, inf, temperature=temperature)
        if not self.temperature:
            raise ValueError("temperature must be positive, not 0")
        if thresholds is not None:
            thresholds = [_number(0, inf, thresholds=one) for one in thresholds]
        self.thresholds = thresholds
        for name, row in (("pad_token_id", pad_token_id), ("unk_token_id", unk_token_id)):
            if _at_least(0, **{name: row}) >= vocab_size:
                raise ValueError(f"{name} must be below vocab_size {vocab_size}, not {row!r}")
        self.unk_token_id = unk_token_id
        if text_column_names is not None and not _is_list_of_names(text_column_names):
            problem = "text_column_names must be a list of strings or None"
            raise ValueError(f"{problem}, not {text_column_names!r}")
        self.text_column_names = text_column_names
        if label_type is not None and label_type not in LABEL_TYPES:
            types = ", ".join(LABEL_TYPES)
            raise ValueError(f"label_type must be one of {types} or None, not {label_type!r}")
        self.label_type = label_type
        super().__init__(**kwargs)
        self.pad_token_id = pad_token_id
        # A save writes only the key of the class that is saved; an encoder must load from a classifier too.
        self.auto_map = {**AUTO_MAP, **(getattr(self, "auto_map", None) or {})}

    @property
    def reads_types(self) -> bool:
        """Whether the model needs `token_type_ids`."""
        return bool(self.type_embedding_size or self.character_buckets)

    @property
    def label_names(self) -> list[str]:
        """The labels, in the order of the logits."""
        names: dict[Any, str] = self.id2label or {}
        return [names[label] for label in sorted(names, key=int)]


def _is_list_of_names(value: Any) -> bool:
    """Return whether a value is a list of at least one string."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _at_least(low: int, **named: int) -> int:
    ((name, value),) = named.items()
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, not {value!r}")
    return value


def _number(low: float, high: float, **named: float) -> float:
    """Check that low <= value < high."""
    ((name, value),) = named.items()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value < high:
        raise ValueError(f"{name} must be a number from {low} to below {high}, not {value!r}")
    return float(value)


GloveLstmConfig.register_for_auto_class()
