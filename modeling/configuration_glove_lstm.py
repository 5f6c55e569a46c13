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

# A token type id holds a word's shape in the lowest `SHAPE_BITS` bits. The bits above hold the spelling of an unknown
# word, which is the codes of its first characters, `CODE_BITS` bits each; for a known word, they hold `KNOWN`.
# word_shapes.py, which makes these ids, has the same constants, and a test compares them. On the Hub both files lie in
# one folder. Here they belong to two packages, so that neither can import the other by `from .sibling`.
SHAPE_COUNT = 7
SHAPE_BITS = 3
CODE_BITS = 5
SPELLING_LENGTH = 12  # characters
KNOWN = 32

# Arguments of the config that are fitted to validation data, with their values in a model that is not calibrated.
UNCALIBRATED = {
    "ngram_weight": 1.0,
    "shrinkage": 0.0,
    "temperature": 1.0,
    "thresholds": None,
    "held_out_scores": None,
}
# Arguments that describe the texts and labels of a training, with their values where these are not known.
UNKNOWN_DATA = {
    "text_column_names": None,
    "label_column_name": None,
    "label_type": None,
}

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
        type_embedding_size: Width of the learned embedding of word shapes; 0: the model does not read them.
        character_buckets: Rows of the table of character n-gram vectors. The mean over its n-grams is added
            to the vector of an unknown word. 0: the model does not read characters.
        hidden_size: Units of the LSTM.
        lstm_length: Number of leading tokens that the LSTM reads; 0: all. In a model with n-grams, which reads all
            tokens, the LSTM's logits are scaled by the share of the tokens that it reads.
        classifier_hidden_size: Units of the dense ReLU layer before the logits.
        ngram_buckets: Rows of the table of hashed n-grams of the linear classifier; 0: the model has none.
        embedding_dropout: Dropout of the LSTM's input.
        dropout: Dropout of the pooled vector, and after the dense layer.
        freeze_embeddings: Whether training leaves the vectors of words and of character n-grams as they are.
        ngram_weight: Factor of the linear classifier's logits. Fitted on validation data.
        shrinkage: The logits of a text with n known tokens are multiplied by n / (n + shrinkage), so that scores of
            short texts stay close to even odds. Fitted on validation data.
        temperature: Divisor of the logits, so that softmax gives calibrated probabilities (Guo et al. 2017,
            https://arxiv.org/abs/1706.04599). Fitted on validation data.
        thresholds: In multi-label classification, the score from which a text gets each label. Fitted on validation
            data.
        held_out_scores: How often labels are right on validation data, by score. Lost when the weights are trained
            further. Does not change the logits.
        pad_token_id: Row of the word embedding that stays zero.
        unk_token_id: Row of the unknown word.
        text_column_names: Text columns of the training table, title before body; None: unknown, or the texts were in
            memory. Does not change the logits.
        label_column_name: Label column of the training table; None: unknown, or the labels were in memory. Does not
            change the logits.
        label_type: Python type of the labels that `id2label` names: "str", "int", "bool" or "float"; None: strings.
            Does not change the logits.
        kwargs: Passed to `PreTrainedConfig`, such as `id2label`.

    Raises:
        ValueError: The n-gram weight, shrinkage or temperature is negative or not finite, or the temperature is 0.
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
        held_out_scores: dict[str, Any] | None = None,
        pad_token_id: int = 0,
        unk_token_id: int = 1,
        text_column_names: list[str] | None = None,
        label_column_name: str | None = None,
        label_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        scales = {"ngram_weight": ngram_weight, "shrinkage": shrinkage, "temperature": temperature}
        for name, value in scales.items():  # a wrong one would give wrong scores, and no error
            if not 0 <= value < inf:
                raise ValueError(f"{name} must be a finite number from 0, not {value!r}")
        if temperature == 0:
            raise ValueError("temperature must be positive, not 0")
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.type_embedding_size = type_embedding_size
        self.character_buckets = character_buckets
        self.hidden_size = hidden_size
        self.lstm_length = lstm_length
        self.classifier_hidden_size = classifier_hidden_size
        self.ngram_buckets = ngram_buckets
        self.embedding_dropout = embedding_dropout
        self.dropout = dropout
        self.freeze_embeddings = freeze_embeddings
        self.ngram_weight = ngram_weight
        self.shrinkage = shrinkage
        self.temperature = temperature
        self.thresholds = thresholds
        self.held_out_scores = held_out_scores
        self.pad_token_id = pad_token_id
        self.unk_token_id = unk_token_id
        self.text_column_names = text_column_names
        self.label_column_name = label_column_name
        self.label_type = label_type
        super().__init__(**kwargs)
        # transformers saves the entry of the saved class alone. Without the others, `AutoModel` could not load an
        # encoder from a classifier's checkpoint.
        given_map = getattr(self, "auto_map", None) or {}
        self.auto_map = {**AUTO_MAP, **given_map}

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Read a config as transformers does. If labels are named anew, it forgets what it says of the earlier data."""
        if "id2label" in kwargs:
            config_dict = {**config_dict, **UNKNOWN_DATA}
        return super().from_dict(config_dict, **kwargs)

    @property
    def reads_types(self) -> bool:
        """Whether the model needs `token_type_ids`."""
        return bool(self.type_embedding_size or self.character_buckets)

    @property
    def label_names(self) -> list[str]:
        """The labels, in the order of the logits."""
        names: dict[Any, str] = self.id2label or {}
        return [names[label] for label in sorted(names, key=int)]


GloveLstmConfig.register_for_auto_class()
