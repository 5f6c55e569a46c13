"""The model and tokenizer that training starts from: new ones, or those of a checkpoint."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import Ridge
from torch import nn
from transformers import PreTrainedTokenizerBase

from glove_lstm.data.files import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.loading import LoadedData
from glove_lstm.data.reading import without_folders
from glove_lstm.inference.checkpoints import load_checkpoint, load_config
from glove_lstm.inference.scores import SEVERAL
from glove_lstm.modeling.characters import character_ngrams
from glove_lstm.modeling.configuration_glove_lstm import FITTED, GloveLstmConfig
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tokenization.build import build_tokenizer, english_stop_words
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.arguments import TrainingRun
from glove_lstm.training.training_texts import joined_texts, load_training_texts

logger = logging.getLogger(__name__)

Initial = tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase, dict[str, Any]]


def new_model(
    run: TrainingRun, data: LoadedData, splits: dict[str, Dataset], glove: GloveVectors | None
) -> Initial:
    """Build a tokenizer from the training texts, and a model with GloVe's vectors.

    Returns:
        Model, tokenizer, and what the record of the run says of them.

    Raises:
        DataError: Arguments and texts do not fit together.
    """
    options = run.tokenizer
    if (run.model.type_embedding_size or run.model.character_buckets) and not options.token_types:
        raise DataError(
            "--no_token_types leaves no word shapes and characters: set --type_embedding_size and --character_buckets "
            "to 0."
        )
    assert options.max_seq_length  # both presets have it
    glove = glove or load_glove(options.glove)
    try:
        tokenizer = build_tokenizer(
            lambda: joined_texts(splits["train"]),
            variant=options.tokenizer_variant,
            vocab_size=options.vocab_size,
            model_max_length=options.max_seq_length,
            known_words=glove.words,
            truncation_side=options.truncation_side,
            token_types=options.token_types,
            stop_words=english_stop_words() if options.remove_stop_words else (),
        )
        config = GloveLstmConfig(
            **run.model.config_values(),
            vocab_size=tokenizer.vocab_size,
            embedding_size=glove.vectors.shape[1],
            **_label_maps(data),
        )
    except ValueError as error:
        raise DataError(f"{str(error).rstrip('.')}.") from None
    model = GloveLstmForSequenceClassification(config)
    # The published recipe draws unknown vectors uniformly.
    uniform = options.tokenizer_variant == "article"
    rows, share = embedding_rows(tokenizer.get_vocab(), glove, uniform, run.training.seed)
    vectors: torch.Tensor = model.word_vectors()[0].data
    vectors.copy_(torch.from_numpy(rows))
    vectors[config.pad_token_id] = 0
    if config.character_buckets:
        model.word_vectors()[1].data = _character_vectors(config, glove, rows)
    model.round_tables()
    source = without_folders(glove.source)
    return model, tokenizer, {"glove": source, "vocabulary_with_vectors": share}


def _character_vectors(
    config: GloveLstmConfig, glove: GloveVectors, rows: NDArray[np.float32]
) -> torch.Tensor:
    """Fit vectors of character n-grams: their mean is the vector of a word minus that of the unknown word.

    By ridge regression on GloVe's most frequent words, the frequent ones with more weight (Zipf's law).
    """
    # A spelling has no case: of a cased vocabulary, only words in lower case.
    frequent = [row for row, word in enumerate(glove.words) if word == word.lower()][:20_000]
    words = [glove.words[row] for row in frequent]
    spellings = torch.tensor([spelling(word) for word in words])
    codes, present = character_ngrams(spellings)
    word, place = present.nonzero(as_tuple=True)
    shares = 1 / present.sum(dim=1)[word]
    columns = codes[word, place] % config.character_buckets
    entries = shares.numpy(), (word.numpy(), columns.numpy())
    features = csr_matrix(entries, shape=(len(words), config.character_buckets))
    frequency = 1 / (np.arange(len(words)) + 20)
    ridge = Ridge(alpha=0.25, fit_intercept=False, solver="sparse_cg", max_iter=40, tol=1e-3)
    unknown = rows[config.unk_token_id]
    vectors = glove.vectors[frequent] - unknown
    ridge.fit(features, vectors, sample_weight=frequency / frequency.mean())
    return torch.from_numpy(ridge.coef_.T.astype(np.float32))


def embedding_rows(
    vocabulary: Mapping[str, int], glove: GloveVectors, uniform: bool, seed: int
) -> tuple[NDArray[np.float32], float]:
    """Look up the vectors of a vocabulary, and draw vectors for words that GloVe lacks.

    Args:
        vocabulary: Token -> id; the ids are 0 to n - 1.
        glove: Words and their vectors.
        uniform: Whether vectors are drawn from [0, 1), as published, or from a normal distribution with GloVe's mean
            and standard deviation in each dimension.
        seed: Seed of the draw.

    Returns:
        The rows (n, dim), and the share of the vocabulary that GloVe knows.
    """
    generator = np.random.default_rng(seed)
    shape = (len(vocabulary), glove.vectors.shape[1])
    if uniform:
        rows = generator.random(shape, dtype=np.float32)
    else:
        frequent = glove.vectors[:100_000]
        drawn = generator.standard_normal(shape, dtype=np.float32)
        rows = drawn * frequent.std(axis=0) + frequent.mean(axis=0)
    known = [word for word in vocabulary if word in glove.index]
    ids = [vocabulary[word] for word in known]
    rows[ids] = glove.vectors[[glove.index[word] for word in known]]
    return rows, len(known) / len(vocabulary)


def load_model(run: TrainingRun, data: LoadedData, splits: dict[str, Dataset]) -> Initial:
    """Load the checkpoint to fine-tune, and renumber the labels of the splits as the checkpoint numbers them.

    Its last layer is new where the data have a label that it lacks.

    Returns:
        Model, tokenizer, and what the record of the run says of them.

    Raises:
        DataError: The checkpoint cannot be loaded.
    """
    path = run.model.model_name_or_path
    assert path is not None
    changes: dict[str, Any] = {**FITTED, **run.model.config_values()}
    changes["problem_type"] = SEVERAL if data.several_labels else None
    config = load_config(path)
    known = config.label_names
    if set(data.label_names) <= set(known):
        number = [known.index(name) for name in data.label_names]
        for name, split in splits.items():
            labels = np.array(split["label"][:])
            one_hot = np.eye(len(known))[number]
            labels = labels @ one_hot if labels.ndim == 2 else np.array(number)[labels]
            splits[name] = split.remove_columns("label").add_column("label", labels.tolist())
    else:
        message = "The labels %s are not those of %s, %s: its last layer starts anew."
        logger.warning(message, data.label_names, path, known)
        changes |= _label_maps(data)
    model, tokenizer = load_checkpoint(path, **changes)
    if "id2label" in changes:  # of another meaning, even if their number is the same
        nn.init.xavier_uniform_(model.classifier.weight)
        nn.init.zeros_(model.classifier.bias)
        for table in model.ngrams.parameters() if model.ngrams is not None else ():
            nn.init.zeros_(table)
    if model.config.character_buckets not in (0, config.character_buckets):
        # Only GloVe could fit them: until training changes it, an unknown word has the vector of <unk> alone.
        nn.init.zeros_(model.word_vectors()[1])
    if run.tokenizer.max_seq_length:
        tokenizer.model_max_length = run.tokenizer.max_seq_length
    record: dict[str, Any] = {"fine_tuned_from": without_folders(path)}
    earlier = load_training_texts(path)
    if "validation" in splits and earlier and earlier.complete:
        record["known_before"] = int(earlier.find(joined_texts(splits["validation"]))[0].sum())
    return model, tokenizer, record


def _label_maps(data: LoadedData) -> dict[str, Any]:
    names = data.label_names
    numbers = {name: number for number, name in enumerate(names)}
    maps: dict[str, Any] = {"id2label": dict(enumerate(names)), "label2id": numbers}
    return maps | ({"problem_type": SEVERAL} if data.several_labels else {})
