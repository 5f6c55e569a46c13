"""Tune an encoder on labelled texts, so that texts of one label have similar embeddings."""

import logging
import tempfile
from collections.abc import Iterable
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from torch import Tensor, nn
from transformers import PrinterCallback, TrainerCallback

from glove_lstm.progress import progress
from glove_lstm.tables.examples import Examples

logger = logging.getLogger(__name__)

# DECISIONS.md says what was tried.
_BATCH_SIZE = 32
_TUNED_LAYERS = 6  # the upper ones
_RATE = 1e-4  # of an encoder with few layers
_RATE_OF_DEEP = 5e-5
_DEEP = 12  # layers
_TEMPERATURE = 0.1  # by which cosines are divided in the loss
_MOST_TOKENS = 128  # of a text; an encoder embeds longer ones afterwards


def texts_to_read(count: int) -> int:
    """Return how many texts the tuning reads in all its epochs.

    It is the largest of three: 100 times the root of their number; six epochs, but no more than 6,000; one epoch.
    """
    return max(round(100 * count**0.5), min(6 * count, 6_000), count)


def tune(encoder: SentenceTransformer, train: Examples, seed: int) -> None:
    """Tune the upper layers of an encoder, which is changed.

    Args:
        encoder: The encoder.
        train: Labelled texts. Their weights are not used.
        seed: Of the order of the texts, and of the dropout.
    """
    layers = _layers(encoder)
    if layers:  # an encoder without layers is tuned as a whole
        encoder.requires_grad_(False)
    for layer in layers[-_TUNED_LAYERS:]:
        layer.requires_grad_(True)
    steps = round(texts_to_read(len(train)) / _BATCH_SIZE)
    logger.info(
        "The encoder is tuned on %d texts, in %d steps of %d texts.", len(train), steps, _BATCH_SIZE
    )
    texts = Dataset.from_dict({"text": list(train.texts), "label": train.labels.tolist()})
    # The Trainer would look for examples for a model card, with a bar of its own, unless there are some.
    encoder.model_card_data.widget = [{"text": "no card is written"}]
    longest = encoder.max_seq_length
    if layers:  # one without layers reads texts of any length, and cannot be told another one
        encoder.max_seq_length = min(longest or _MOST_TOKENS, _MOST_TOKENS)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            progress("Tuning the encoder", total=steps, unit=" steps") as bar,
        ):
            trainer = SentenceTransformerTrainer(
                model=encoder,
                args=SentenceTransformerTrainingArguments(
                    output_dir=folder,
                    max_steps=steps,
                    per_device_train_batch_size=_BATCH_SIZE,
                    learning_rate=_RATE_OF_DEEP if len(layers) >= _DEEP else _RATE,
                    weight_decay=0.01,
                    warmup_steps=round(0.1 * steps),
                    seed=seed,
                    save_strategy="no",
                    logging_strategy="no",
                    report_to="none",
                    disable_tqdm=True,
                    use_cpu=encoder.device.type == "cpu",
                    dataloader_drop_last=len(train) > _BATCH_SIZE,
                ),
                train_dataset=texts,
                loss=SupervisedContrastiveLoss(encoder),
                callbacks=[_Progress(bar)],
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
    finally:
        if layers:
            encoder.max_seq_length = longest
    encoder.eval()


class SupervisedContrastiveLoss(nn.Module):
    """The supervised contrastive loss of Khosla et al. 2020 (https://arxiv.org/abs/2004.11362).

    For each text, the loss is the mean negative log-probability of the other texts of its label, in a softmax of its
    cosines with all other texts of the batch.

    Args:
        encoder: The encoder that is tuned.
    """

    def __init__(self, encoder: SentenceTransformer) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the mean loss of those of B texts whose label another one has, a scalar.

        Args:
            features: The tokens of the texts, as the one item.
            labels: (B,) class indices.
        """
        [tokens] = features
        embeddings = nn.functional.normalize(self.encoder(tokens)["sentence_embedding"], dim=1)
        labels = labels.view(-1)
        itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        similarities = embeddings @ embeddings.T / _TEMPERATURE
        log_probabilities = similarities.masked_fill(itself, -torch.inf).log_softmax(dim=1)
        is_alike = (labels[:, None] == labels) & ~itself  # (B, B)
        alike_counts = is_alike.sum(dim=1)
        losses = -log_probabilities.masked_fill(~is_alike, 0).sum(dim=1) / alike_counts.clamp(min=1)
        return losses.sum() / (alike_counts > 0).sum().clamp(min=1)


def _layers(encoder: SentenceTransformer) -> list[nn.Module]:
    """Return the layers of the transformer: the longest list of modules that the encoder has."""
    lists = [module for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    return list(max(lists, key=len, default=[]))


class _Progress(TrainerCallback):
    """Shows the steps in a bar of this package."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Count a step."""
        self._bar.update()
