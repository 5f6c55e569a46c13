"""The model and tokenizer with which a training starts: new, with vectors of words, or those of a checkpoint."""

import hashlib
import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import Ridge
from torch import nn
from transformers import PreTrainedTokenizerBase

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import MULTI_LABEL
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.distillation.targets import Targets
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import cache_folder, whole_file, without_folders
from glove_lstm.modeling.characters import character_ngrams
from glove_lstm.modeling.configuration_glove_lstm import (
    UNCALIBRATED,
    UNKNOWN_DATA,
    GloveLstmConfig,
)
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tables.examples import Examples, Split
from glove_lstm.text.build import build_tokenizer, english_stop_words
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.arguments import ModelArguments
from glove_lstm.training.settings import Settings
from glove_lstm.unicode_scripts import have_case
from glove_lstm.vectors.glove import GloveVectors, language_warning

logger = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

# Of the vectors of character n-grams:
_FIT_VERSION = 2  # of the settings of the fit, in the names of cached files
_FITTED_WORDS = 20_000  # GloVe's most frequent words, to which the vectors are fitted

_DROPOUT_ON_LOGITS = 0.1  # the higher rates of the preset cost accuracy on validation texts


@dataclass(frozen=True, eq=False)
class InitialModel:
    """A model before its training.

    Attributes:
        model: The network, without calibration.
        tokenizer: Its tokenizer.
        glove: Name of the word vectors; None for a checkpoint, which has its own.
        vocabulary_with_vectors: Share of the vocabulary that has a word vector; None for a checkpoint.
    """

    model: GloveLstmForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    glove: str | None = None
    vocabulary_with_vectors: float | None = None


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


def load_checkpoint(arguments: ModelArguments) -> LoadedCheckpoint | None:
    """Load the checkpoint that is fine-tuned, if one is named.

    Raises:
        DataError: It is missing or damaged.
    """
    if arguments.model_name_or_path is None:
        return None
    checkpoint = Checkpoint.open(arguments.model_name_or_path, arguments.revision)
    model, tokenizer = checkpoint.load_model()
    return LoadedCheckpoint(
        without_folders(arguments.model_name_or_path),
        model,
        tokenizer,
        checkpoint.label_names,
        checkpoint.training_texts(),
    )


def make_initial_model(
    settings: Settings,
    split: Split,
    targets: Targets,
    glove: GloveVectors | None,
    checkpoint: LoadedCheckpoint | None,
) -> InitialModel:
    """Return the model of a checkpoint; without one, a new model with word vectors."""
    if checkpoint is not None:
        initial = _model_of_checkpoint(checkpoint, settings, split.train)
    else:
        assert glove is not None
        initial = new_model(settings, split.train, split.unlabelled, glove)
    if targets.kind == "logits":
        _lower_dropout(initial.model, kept=settings.given)
    return initial


def new_model(
    settings: Settings, train: Examples, more_texts: Sequence[str], glove: GloveVectors
) -> InitialModel:
    """Build a tokenizer from texts with and without labels, and a network with the vectors of its words.

    Raises:
        DataError: The network does not fit into memory.
    """
    options = settings.tokenizer
    network = settings.model.config_values()
    all_texts = [*train.texts, *more_texts]
    if "type_embedding_size" not in settings.given and not have_case(all_texts):
        network["type_embedding_size"] = 0  # without case, shapes tell little
        logger.info("Word shapes are not read: most letters have no upper case.")
    is_article = options.tokenizer_variant == "article"
    # Both presets set these two.
    assert options.max_seq_length
    assert options.vocab_size
    tokenizer = build_tokenizer(
        all_texts,
        variant=options.tokenizer_variant,
        vocab_size=options.vocab_size,
        model_max_length=options.max_seq_length,
        known_words=glove.words,
        truncation_side=options.truncation_side,
        token_types=bool(network.get("type_embedding_size") or network.get("character_buckets")),
        stop_words=english_stop_words() if is_article else (),
    )
    config = GloveLstmConfig(
        **network,
        vocab_size=tokenizer.vocab_size,
        embedding_size=glove.vectors.shape[1],
        problem_type=MULTI_LABEL if train.is_multi_label else None,
        **_label_maps(train.label_names),
    )
    try:
        model = GloveLstmForSequenceClassification(config)
    except (RuntimeError, MemoryError) as error:
        problem = f"The network does not fit into memory ({first_line(error)})"
        raise DataError(f"{problem}; choose a smaller hidden_size or vocab_size.") from None

    rows, share = embedding_rows(
        tokenizer.get_vocab(), glove, uniform=is_article, seed=settings.training.seed
    )
    warning = language_warning(all_texts, glove.words, without_folders(glove.source))
    if warning:
        logger.warning("%s", warning)
    _fill_embeddings(model, rows, glove)
    return InitialModel(model, tokenizer, without_folders(glove.source), share)


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


def character_vectors(glove: GloveVectors, unknown: Vectors, buckets: int) -> Vectors:
    """Fit vectors of character n-grams whose mean is the difference between a word's vector and the unknown word's.

    The fit is linear in its targets. Therefore the fits to GloVe's vectors and to the constant 1 are computed once for
    each vector file and kept in the cache folder, and the unknown word's vector is subtracted afterwards.

    Args:
        glove: Word vectors of width d.
        unknown: (d,) vector of the unknown word.
        buckets: Rows of the table; n-grams are hashed into them.

    Returns:
        (buckets, d); zeros if there are no word vectors.
    """
    if not glove.words:
        return np.zeros((buckets, len(unknown)), dtype=np.float32)
    lower_case = (row for row, word in enumerate(glove.words) if word == word.lower())
    rows = list(islice(lower_case, _FITTED_WORDS))  # a spelling has no case
    words = [glove.words[row] for row in rows]
    vectors = glove.vectors[rows]
    sha = hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass"))
    sha.update(np.ascontiguousarray(vectors).data)
    name = f"{sha.hexdigest()[:16]}-{buckets}-{_FIT_VERSION}.npy"
    path = cache_folder() / "characters" / name
    try:
        fitted = np.load(path)
    except (OSError, ValueError, EOFError):  # it is missing or damaged
        fitted = _fit_characters(words, vectors, buckets)
        try:
            with whole_file(path) as part, part.open("wb") as file:
                np.save(file, fitted)
        except OSError as error:
            logger.debug("The fit of the character n-grams was not kept: %s.", error)
    vector_fit = fitted[:, :-1]
    constant_fit = fitted[:, -1:]
    return vector_fit - constant_fit * unknown


def _fit_characters(words: list[str], vectors: Vectors, buckets: int) -> Vectors:
    """Fit by ridge regression, frequent words with more weight (Zipf's law).

    Returns:
        (buckets, d + 1): the fit to the vectors (n, d), and to the constant 1.
    """
    hashes, present = character_ngrams(torch.tensor([spelling(word) for word in words]))
    rows, ngrams = present.nonzero(as_tuple=True)
    shares = 1 / present.sum(dim=1)[rows]
    columns = hashes[rows, ngrams] % buckets
    entries = (shares.numpy(), (rows.numpy(), columns.numpy()))
    features = csr_matrix(entries, shape=(len(words), buckets))
    frequency = 1 / (np.arange(len(words)) + 20)  # flattened for the first words
    targets = np.hstack([vectors, np.ones((len(words), 1), dtype=np.float32)])
    ridge = Ridge(alpha=0.25, fit_intercept=False, solver="sparse_cg", max_iter=40, tol=1e-3)
    ridge.fit(features, targets, sample_weight=frequency / frequency.mean())
    return ridge.coef_.T.astype(np.float32)


def _model_of_checkpoint(
    loaded: LoadedCheckpoint, settings: Settings, train: Examples
) -> InitialModel:
    """Return the model of a checkpoint, without its calibration.

    Unless its labels are those of the texts, in the same order, its last layer and its n-grams start anew. So do
    weights whose size the settings change.
    """
    earlier = loaded.model.config
    changes: dict[str, Any] = {**UNCALIBRATED, **settings.model.config_values()}
    changes["problem_type"] = MULTI_LABEL if train.is_multi_label else None
    changes |= UNKNOWN_DATA  # of the earlier training; callers of `fit` set them anew
    has_new_labels = loaded.has_other_labels(train.label_names)
    if has_new_labels:
        logger.warning(
            "The labels %s differ from the labels %s of %s: its last layer and its n-grams start anew.",
            list(train.label_names),
            list(earlier.label_names),
            loaded.name,
        )
        changes |= _label_maps(train.label_names)
    config = GloveLstmConfig(**{**earlier.to_dict(), **changes})
    reads_types = config.type_embedding_size or config.character_buckets
    if reads_types and "token_type_ids" not in loaded.tokenizer.model_input_names:
        raise DataError(
            f"{loaded.name} was trained with neither type_embedding_size nor character_buckets, so its tokenizer gives "
            "no shapes of words; leave both out."
        )
    model = GloveLstmForSequenceClassification(config)
    _copy_weights(loaded.model, model)
    if has_new_labels:  # the old weights belong to other labels, even where the number is the same
        _reset_label_weights(model)
    characters = model.encoder.embeddings.character_embeddings
    if characters is not None and config.character_buckets != earlier.character_buckets:
        # These vectors are fitted to GloVe, which fine-tuning does not load. With zeros, an unknown word begins as
        # <unk>.
        nn.init.zeros_(characters.weight)
    if settings.tokenizer.max_seq_length:
        loaded.tokenizer.model_max_length = settings.tokenizer.max_seq_length
    return InitialModel(model, loaded.tokenizer)


def _copy_weights(
    source: GloveLstmForSequenceClassification, target: GloveLstmForSequenceClassification
) -> None:
    """Copy the weights whose size is the same in both models."""
    own = target.state_dict()
    fitting = {
        name: values
        for name, values in source.state_dict().items()
        if name in own and own[name].shape == values.shape
    }
    target.load_state_dict(fitting, strict=False)


def _lower_dropout(model: GloveLstmForSequenceClassification, kept: Container[str]) -> None:
    """Limit the dropout of a model that learns logits, but for the rates that were given, with names in `kept`."""
    layers = {"dropout": model.dropout, "embedding_dropout": model.encoder.embeddings.dropout}
    for name, layer in layers.items():
        if name not in kept:
            layer.p = min(layer.p, _DROPOUT_ON_LOGITS)
            model.config.update({name: layer.p})


def _reset_label_weights(model: GloveLstmForSequenceClassification) -> None:
    nn.init.xavier_uniform_(model.classifier.weight)
    nn.init.zeros_(model.classifier.bias)
    if model.ngrams is not None:
        nn.init.zeros_(model.ngrams.weights)
        nn.init.zeros_(model.ngrams.bias)


def _label_maps(names: Sequence[str]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: number for number, name in enumerate(names)},
    }
