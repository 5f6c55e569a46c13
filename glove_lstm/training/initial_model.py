"""The model and tokenizer that training starts from: new ones, or those of a checkpoint."""

import logging
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.loading import LoadedData
from glove_lstm.inference.checkpoints import load_checkpoint, load_config
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tokenization.build import build_tokenizer, english_stop_words
from glove_lstm.tokenization.word_shapes import SHAPES
from glove_lstm.training.arguments import TrainingRun, config_from
from glove_lstm.training.training_texts import joined_texts
from glove_lstm.training.word_vectors import character_ngram_rows, embedding_rows

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
    wanted = run.tokenizer
    if run.model.type_embedding_size and not wanted.token_types:
        raise DataError(
            f"--type_embedding_size is {run.model.type_embedding_size}, but --no_token_types leaves no word shapes: "
            "set it to 0."
        )
    glove = glove or load_glove(wanted.glove)
    try:
        tokenizer = build_tokenizer(
            lambda: joined_texts(splits["train"]),
            variant=wanted.tokenizer_variant,
            vocab_size=wanted.vocab_size,
            model_max_length=wanted.max_seq_length or 512,
            known_words=glove.words,
            num_pieces=wanted.num_pieces,
            correct_spelling=wanted.correct_spelling,
            truncation_side=wanted.truncation_side,
            token_types=wanted.token_types,
            stop_words=english_stop_words() if wanted.remove_stop_words else (),
        )
    except ValueError as error:
        raise DataError(f"{str(error).rstrip('.')}.") from None
    model = GloveLstmForSequenceClassification(
        config_from(
            run.model,
            vocab_size=tokenizer.vocab_size,
            embedding_size=glove.dim,
            type_vocab_size=len(SHAPES) if wanted.token_types else 1,
            **_label_maps(data.label_names),
        )
    )
    unknown = "uniform" if wanted.unknown_vectors == "uniform" else "normal"
    rows, share = embedding_rows(
        tokenizer.get_vocab(), glove, unknown=unknown, seed=run.training.seed
    )
    model.load_word_vectors(rows)
    _load_character_ngrams(model, tokenizer)
    return (
        model,
        tokenizer,
        {"glove": without_folders(glove.source, run), "vocabulary_with_vectors": share},
    )


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
    changes: dict[str, Any] = {"temperature": 1.0, **run.model.config_values()}
    known = load_config(path).label_names
    if set(data.label_names) <= set(known):
        number = [known.index(name) for name in data.label_names]
        for name, split in splits.items():
            labels = [number[label] for label in split["label"][:]]
            splits[name] = split.remove_columns("label").add_column("label", labels)
    else:
        logger.warning(
            "The labels (%s) are not those of %s (%s): its last layer starts anew.",
            ", ".join(data.label_names),
            path,
            ", ".join(known),
        )
        changes |= _label_maps(data.label_names)
    model, tokenizer = load_checkpoint(path, **changes)
    if "id2label" in changes:
        model.reset_classifier()  # even if the number of labels is the same
    if changes.keys() & {"ngram_buckets", "character_ngrams", "character_buckets"}:
        _load_character_ngrams(model, tokenizer)  # of another shape than the checkpoint's
    if run.tokenizer.max_seq_length:
        tokenizer.model_max_length = run.tokenizer.max_seq_length
    return model, tokenizer, {"fine_tuned_from": without_folders(path, run)}


def without_folders(text: str, run: TrainingRun) -> str:
    """Remove this machine's folders from a description that travels with the checkpoint."""
    data = run.data
    paths = [data.data_files, data.data_dir, data.train_file, data.validation_file, data.test_file]
    for path in [*paths, run.tokenizer.glove, run.model.model_name_or_path, data.dataset_name]:
        if path and Path(path).expanduser().exists():
            text = text.replace(str(Path(path).expanduser()), Path(path).name).replace(
                path, Path(path).name
            )
    return text


def _load_character_ngrams(
    model: GloveLstmForSequenceClassification, tokenizer: PreTrainedTokenizerBase
) -> None:
    config = model.config
    if config.ngram_buckets and config.character_ngrams:
        specials = tokenizer.all_special_tokens
        model.load_character_ngrams(
            character_ngram_rows(
                tokenizer.get_vocab(),
                config.character_ngrams,
                config.character_buckets,
                specials=specials,
            )
        )


def _label_maps(names: list[str]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }
