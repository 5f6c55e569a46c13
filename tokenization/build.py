"""Build a tokenizer from a corpus and the words that have vectors."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from tokenizers import Tokenizer, decoders
from tokenizers.models import WordLevel, WordPiece
from tokenizers.trainers import WordLevelTrainer, WordPieceTrainer

from glove_lstm.data.errors import DataError
from glove_lstm.tokenization.pipelines import Pipeline, article_pipeline, default_pipeline
from glove_lstm.tokenization.tokenization_glove_lstm import GloveLstmTokenizer
from glove_lstm.tokenization.word_shapes import repair

PAD, UNK = "<pad>", "<unk>"
PIECE = "##"  # prefix of a piece that does not begin a word; in no word of the default variant
VARIANTS = ("article", "default")
_ALPHABET = 200  # characters that pieces are made of; a word with a rarer one is unknown


def build_tokenizer(
    corpus: Callable[[], Iterable[str]],
    *,
    variant: str = "default",
    vocab_size: int = 60_000,
    model_max_length: int = 1000,
    known_words: Sequence[str] = (),
    min_frequency: int = 3,
    num_pieces: int = 0,
    correct_spelling: bool = False,
    truncation_side: str = "right",
    token_types: bool = True,
    stop_words: Iterable[str] = (),
) -> GloveLstmTokenizer:
    """Build the tokenizer of a training run.

    Args:
        corpus: Returns the training texts, anew at each call.
        variant: "article": lower-cased words without URLs, punctuation and stop words, the corpus's most frequent
            first. "default": words, numbers, punctuation and `<url>`, lower-cased; corpus words that have a vector,
            frequent corpus words that have none, then `known_words` in their order, so that test words outside the
            training texts keep their vectors.
        vocab_size: Maximum number of rows, at least 3: padding, the unknown word and a word. Above 100,000 each load
            calls the Hub.
        model_max_length: Tokens that a text is truncated to.
        known_words: Words that have a vector, most frequent first; ignored by the article variant.
        min_frequency: Occurrences in the corpus from which a word without a vector gets a row. The article variant
            takes every word, up to `vocab_size`.
        num_pieces: Maximum number of word pieces learned from the corpus (WordPiece). Words without a row are cut into
            the longest pieces that fit, from the left. 0: they become the unknown word. Default variant only.
        correct_spelling: Replace a word without a row by a word with one that a single typing error turns into it.
        truncation_side: "right" keeps the beginning of a text, "left" its end.
        token_types: Return word shapes as `token_type_ids`.
        stop_words: Words that the article variant removes.

    Raises:
        ValueError: The variant is unknown, the vocabulary has no room for a word, the number of pieces is negative, or
            an option belongs to the other variant.
    """
    stop_words = list(stop_words)
    is_article = variant == "article"
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    if vocab_size < 3:
        raise ValueError(f"vocab_size must be at least 3, not {vocab_size}")
    if num_pieces < 0 or (is_article and num_pieces):
        raise ValueError(f"num_pieces must be at least 0 (article: 0), not {num_pieces}")
    if stop_words and not is_article:
        raise ValueError("stop_words must be empty for the default variant")

    pipeline = article_pipeline(stop_words) if is_article else default_pipeline()
    words = _corpus_words(pipeline, corpus(), min_frequency=1)
    if not is_article:
        pieces = _corpus_pieces(pipeline, corpus(), words, num_pieces) if num_pieces else []
        frequent = set(_corpus_words(pipeline, corpus(), min_frequency=min_frequency))
        known = set(known_words)
        with_vector = [word for word in words if word in known]
        without = [word for word in words if word in frequent and word not in known]
        words = [*pieces, *with_vector, *without, *known_words]
    unique = list(dict.fromkeys([PAD, UNK, *words]))
    vocabulary = {word: row for row, word in enumerate(unique[:vocab_size])}
    if num_pieces:
        model = WordPiece(vocabulary, unk_token=UNK, continuing_subword_prefix=PIECE)
        backend = _backend(pipeline, model)
        backend.decoder = decoders.WordPiece(PIECE, cleanup=False)
    else:
        backend = _backend(pipeline, WordLevel(vocabulary, unk_token=UNK))
    types = ["token_type_ids"] if token_types else []
    return GloveLstmTokenizer(
        tokenizer_object=backend,
        pad_token=PAD,
        unk_token=UNK,
        model_max_length=model_max_length,
        correct_spelling=correct_spelling,
        truncation_side=truncation_side,
        model_input_names=["input_ids", *types, "attention_mask"],
        split_special_tokens=True,  # "<pad>" in a text is text
        clean_up_tokenization_spaces=False,
    )


def english_stop_words() -> list[str]:
    """Return NLTK's English stop words.

    Raises:
        DataError: They are not on this machine.
    """
    from nltk.corpus import stopwords

    try:
        return stopwords.words("english")
    except LookupError:
        raise DataError(
            "NLTK's stop words are not on this machine. Run `python -m nltk.downloader stopwords`, or set NLTK_DATA "
            "to a folder that holds corpora/stopwords/english."
        ) from None


def _corpus_words(pipeline: Pipeline, texts: Iterable[str], *, min_frequency: int) -> list[str]:
    """Return the corpus's words as the pipeline cuts them, most frequent first."""
    # No corpus has so many words.
    trainer = WordLevelTrainer(vocab_size=10**7, min_frequency=min_frequency, show_progress=False)
    return _learn(_backend(pipeline, WordLevel(unk_token=UNK)), trainer, texts)


def _corpus_pieces(
    pipeline: Pipeline, texts: Iterable[str], words: Sequence[str], size: int
) -> list[str]:
    """Return at most `size` WordPieces of the corpus: single characters, and pieces that do not begin a word.

    `words` are all words of the texts. The trainer numbers its alphabet in an order that differs from process to
    process and breaks ties by number, so it gets the alphabet as special tokens and is left none to count.
    """
    counts = Counter(chain.from_iterable(words))
    alphabet = sorted(counts, key=lambda character: (-counts[character], character))[:_ALPHABET]
    inner = set(chain.from_iterable(word[1:] for word in words))
    inner_alphabet = [PIECE + character for character in alphabet if character in inner]
    trainer = WordPieceTrainer(
        vocab_size=size,
        limit_alphabet=0,
        special_tokens=[*alphabet, *inner_alphabet],
        show_progress=False,
        continuing_subword_prefix=PIECE,
    )
    pieces = _learn(_backend(pipeline, WordPiece(unk_token=UNK)), trainer, texts)
    return [piece for piece in pieces if piece.startswith(PIECE) or len(piece) == 1][:size]


def _backend(pipeline: Pipeline, model: Any) -> Tokenizer:
    backend = Tokenizer(model)
    backend.normalizer, backend.pre_tokenizer = pipeline
    return backend


def _learn(backend: Tokenizer, trainer: Any, texts: Iterable[str]) -> list[str]:
    """Train the backend's model and return its vocabulary, sorted by id."""
    backend.train_from_iterator(map(repair, texts), trainer)
    vocabulary = backend.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)
