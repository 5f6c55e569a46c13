"""The model and tokenizer with which a training starts: new, with vectors of words, or those of a checkpoint."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import MULTI_LABEL
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import without_folders
from glove_lstm.modeling.configuration_glove_lstm import (
    UNCALIBRATED,
    UNKNOWN_DATA,
    GloveLstmConfig,
)
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tables.examples import Examples
from glove_lstm.text.build import build_tokenizer, english_stop_words
from glove_lstm.training.character_vectors import character_vectors
from glove_lstm.training.settings import Settings
from glove_lstm.unicode_scripts import have_case
from glove_lstm.vectors.glove import GloveVectors

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

# Rows and labels of the table of n-grams share a budget: 12 MB in 16 bits.
_NGRAM_WEIGHTS = 6 << 20
_MOST_NGRAM_BUCKETS = 1 << 20
_FEWEST_WORDS = 10_000  # whatever the number of labels
_TYPE_EMBEDDING_SIZE = 16
_DROPOUT = 0.3
_DROPOUT_ON_LOGITS = 0.1  # a higher rate costs accuracy on validation texts
_OF_LABELS = ("classifier.weight", "classifier.bias", "ngrams.weights", "ngrams.bias")


@dataclass(frozen=True, eq=False)
class LoadedCheckpoint:
    """A checkpoint that is fine-tuned: checked, and loaded once.

    Attributes:
        name: Its name without the folders of this machine.
        model: The classifier.
        tokenizer: Its tokenizer.
        label_names: Its labels, in the order of the logits.
        text_record: Record of the texts of its training; None: unknown.
    """

    name: str
    model: GloveLstmForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    label_names: Sequence[str]
    text_record: TextRecord | None

    def has_other_labels(self, label_names: Sequence[str]) -> bool:
        """Return whether these labels, or their order, are not its own."""
        return list(label_names) != list(self.label_names)


def load_checkpoint(settings: Settings) -> LoadedCheckpoint | None:
    """Load the checkpoint that is fine-tuned, if one is named.

    Raises:
        DataError: It is missing or damaged.
    """
    name = settings.model_name_or_path
    if name is None:
        return None
    checkpoint = Checkpoint.open(name, settings.revision)
    model, tokenizer = checkpoint.load_model()
    return LoadedCheckpoint(
        without_folders(name),
        model,
        tokenizer,
        checkpoint.label_names,
        checkpoint.training_texts(),
    )


def new_model(
    settings: Settings,
    train: Examples,
    more_texts: Sequence[str],
    glove: GloveVectors,
    *,
    learns_logits: bool,
) -> tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase, float]:
    """Build a tokenizer from texts with and without labels, and a network with the vectors of its words.

    Args:
        settings: Of tokenizer and network.
        train: Labelled texts.
        more_texts: Texts without labels.
        glove: Word vectors.
        learns_logits: Whether the network learns a teacher's logits.

    Returns:
        The model without calibration, its tokenizer, and the share of the vocabulary that has a word vector.

    Raises:
        DataError: The network does not fit into memory.
    """
    all_texts = [*train.texts, *more_texts]
    type_embedding_size = settings.type_embedding_size
    if type_embedding_size is None:
        type_embedding_size = _TYPE_EMBEDDING_SIZE
        if not have_case(all_texts):  # then shapes tell little
            type_embedding_size = 0
            logger.info("Word shapes are not read: most letters have no upper case.")
    is_article = settings.tokenizer_variant == "article"
    label_count = len(train.label_names)
    vocab_size = settings.vocab_size
    if settings.ngram_buckets != 0:  # each word has a weight for each label
        vocab_size = min(vocab_size, max(_NGRAM_WEIGHTS // label_count, _FEWEST_WORDS))
    tokenizer = build_tokenizer(
        all_texts,
        variant=settings.tokenizer_variant,
        vocab_size=vocab_size,
        model_max_length=settings.max_seq_length,
        known_words=[word for word in glove.words if word == word.lower()],  # as texts are read
        truncation_side=settings.truncation_side,
        token_types=bool(type_embedding_size or settings.character_buckets),
        stop_words=english_stop_words() if is_article else (),
    )
    embedding_dropout = settings.embedding_dropout
    if embedding_dropout is None:
        embedding_dropout = _DROPOUT_ON_LOGITS if learns_logits else _DROPOUT
    dropout = settings.dropout
    if dropout is None:
        dropout = embedding_dropout
    ngram_buckets = settings.ngram_buckets
    if ngram_buckets is None:
        ngram_buckets = default_ngram_buckets(tokenizer.vocab_size, label_count)
    config = GloveLstmConfig(
        vocab_size=tokenizer.vocab_size,
        embedding_size=glove.vectors.shape[1],
        type_embedding_size=type_embedding_size,
        character_buckets=settings.character_buckets,
        hidden_size=settings.hidden_size,
        lstm_length=settings.lstm_length,
        classifier_hidden_size=settings.classifier_hidden_size,
        ngram_buckets=ngram_buckets,
        embedding_dropout=embedding_dropout,
        dropout=dropout,
        freeze_embeddings=bool(settings.freeze_embeddings),
        problem_type=MULTI_LABEL if train.is_multi_label else None,
        **_label_maps(train.label_names),
    )
    try:
        model = GloveLstmForSequenceClassification(config)
    except (RuntimeError, MemoryError) as error:
        problem = f"The network does not fit into memory ({first_line(error)})"
        raise DataError(f"{problem}; choose a smaller hidden_size or vocab_size.") from None

    rows, share = embedding_rows(
        tokenizer.get_vocab(), glove, uniform=is_article, seed=settings.seed
    )
    _fill_embeddings(model, rows, glove)
    return model, tokenizer, share


def default_ngram_buckets(vocab_size: int, label_count: int) -> int:
    """Return how many rows the table of n-grams has before those of words: what these leave, but half at least."""
    rows = _NGRAM_WEIGHTS // label_count
    return min(max(rows - vocab_size, rows // 2), _MOST_NGRAM_BUCKETS)


def embedding_rows(
    vocabulary: Mapping[str, int], glove: GloveVectors, uniform: bool, seed: int
) -> tuple[Vectors, float]:
    """Look up the vectors of a vocabulary, and draw vectors for words that GloVe lacks.

    Args:
        vocabulary: Token -> id; the ids are 0 to n - 1.
        glove: Words and their vectors.
        uniform: Whether vectors are drawn from [0, 1), as in the published recipe, or from a normal distribution with
            GloVe's mean and standard deviation in each dimension.
        seed: Seed of the draw.

    Returns:
        The rows (n, dim), and the share of the vocabulary that GloVe knows.
    """
    generator = np.random.default_rng(seed)
    shape = (len(vocabulary), glove.vectors.shape[1])
    if uniform:
        rows = generator.random(shape, dtype=np.float32)
    else:
        drawn = generator.standard_normal(shape, dtype=np.float32)
        rows = drawn * glove.deviation + glove.mean
    known = [word for word in vocabulary if word in glove.index]
    ids = [vocabulary[word] for word in known]
    glove_rows = [glove.index[word] for word in known]
    rows[ids] = glove.vectors[glove_rows]
    return rows, len(known) / len(vocabulary)


def _fill_embeddings(
    model: GloveLstmForSequenceClassification, rows: Vectors, glove: GloveVectors
) -> None:
    config = model.config
    embeddings = model.encoder.embeddings
    words = embeddings.word_embeddings.weight.data
    words.copy_(torch.from_numpy(rows))
    words[config.pad_token_id] = 0
    characters = embeddings.character_embeddings
    if characters is not None:
        unknown = rows[config.unk_token_id]
        vectors = character_vectors(glove, unknown, config.character_buckets)
        characters.weight.data.copy_(torch.from_numpy(vectors))
    # Vectors are saved in 16 bits. Rounded now, an LSTM beside frozen vectors learns from the values that are saved.
    model.round_tables()


def model_of_checkpoint(
    loaded: LoadedCheckpoint, settings: Settings, train: Examples, *, learns_logits: bool
) -> GloveLstmForSequenceClassification:
    """Return the model of a checkpoint, without its calibration.

    Unless its labels are those of the texts, in the same order, its last layer and its n-grams start anew.

    Args:
        loaded: The checkpoint.
        settings: Of dropout, and whether word vectors are trained.
        train: Labelled texts.
        learns_logits: Whether the network learns a teacher's logits.
    """
    earlier = loaded.model.config
    changes: dict[str, Any] = {
        **UNCALIBRATED,
        **UNKNOWN_DATA,  # of the earlier training; callers of `fit` set them anew
        "problem_type": MULTI_LABEL if train.is_multi_label else None,
    }
    if learns_logits:
        for name in ("dropout", "embedding_dropout"):
            changes[name] = min(getattr(earlier, name), _DROPOUT_ON_LOGITS)
    for name in ("dropout", "embedding_dropout", "freeze_embeddings"):
        given = getattr(settings, name)
        if given is not None:
            changes[name] = given
    has_new_labels = loaded.has_other_labels(train.label_names)
    if has_new_labels:
        logger.warning(
            "The labels %s differ from the labels %s of %s: its last layer and its n-grams start anew.",
            list(train.label_names),
            list(earlier.label_names),
            loaded.name,
        )
        changes |= _label_maps(train.label_names)
    model = GloveLstmForSequenceClassification(GloveLstmConfig(**{**earlier.to_dict(), **changes}))
    weights = loaded.model.state_dict()
    if has_new_labels:  # the old weights belong to other labels, even where the number is the same
        weights = {name: weight for name, weight in weights.items() if name not in _OF_LABELS}
    model.load_state_dict(weights, strict=not has_new_labels)
    return model


def _label_maps(names: Sequence[str]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: number for number, name in enumerate(names)},
    }
