"""Classify many texts with PyTorch, in batches of texts of similar length."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.inference.scores import scores_of
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.text.light_tokenizer import panics_as_data_errors
from glove_lstm.text.tokens import length_batches

_BATCH_SIZE = 32


def predict_probabilities(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    text_pairs: Sequence[str] | None = None,
) -> NDArray[np.float64]:
    """Return scores (n, classes), as the text-classification pipeline of transformers gives them.

    The arguments are as for `predict_logits`.
    """
    logits = predict_logits(model, tokenizer, texts, text_pairs)
    return scores_of(logits, model.config.problem_type)


def predict_logits(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    text_pairs: Sequence[str] | None = None,
) -> NDArray[np.float32]:
    """Classify texts, longest first, and return the rows in the order of the texts.

    Args:
        model: A classifier; it is put into eval mode.
        tokenizer: The model's tokenizer; it truncates long texts.
        texts: n texts.
        text_pairs: n second parts, such as the bodies below n titles, or None.

    Returns:
        (n, classes) logits in float32, divided by the model's temperature.
    """
    model.eval()
    logits = np.zeros((len(texts), len(model.config.label_names)), dtype=np.float32)
    if not texts:
        return logits

    pairs = None if text_pairs is None else list(text_pairs)
    with panics_as_data_errors():
        encoded = tokenizer(list(texts), pairs, return_attention_mask=False)
    lengths = np.array([len(row) for row in encoded["input_ids"]])
    with torch.inference_mode():
        for batch in length_batches(lengths, _BATCH_SIZE):
            rows = {name: [values[row] for row in batch] for name, values in encoded.items()}
            inputs = tokenizer.pad(rows, return_attention_mask=True, return_tensors="pt")
            output = model(**inputs.to(model.device))
            logits[batch] = output.logits.float().cpu().numpy()
    return logits
