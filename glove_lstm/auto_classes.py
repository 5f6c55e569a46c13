"""The classes of config, models and tokenizer, registered with the Auto classes of transformers.

Importing this module registers them; `AutoModel` and the others then need no `trust_remote_code`.
"""

from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.modeling.modeling_glove_lstm import (
    GloveLstmForSequenceClassification,
    GloveLstmModel,
)
from glove_lstm.tokenization.tokenization_glove_lstm import GloveLstmTokenizer

__all__ = [
    "GloveLstmConfig",
    "GloveLstmForSequenceClassification",
    "GloveLstmModel",
    "GloveLstmTokenizer",
]

AutoConfig.register(GloveLstmConfig.model_type, GloveLstmConfig, exist_ok=True)
AutoModel.register(GloveLstmConfig, GloveLstmModel, exist_ok=True)
AutoModelForSequenceClassification.register(
    GloveLstmConfig, GloveLstmForSequenceClassification, exist_ok=True
)
AutoTokenizer.register(GloveLstmConfig, fast_tokenizer_class=GloveLstmTokenizer, exist_ok=True)
