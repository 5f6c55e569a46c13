"""Make a tokenizer from a corpus, a list of words that have vectors, and a recipe for cleaning."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from tokenizers import Tokenizer, decoders
from tokenizers.models import WordLevel, WordPiece
from tokenizers.trainers import WordLevelTrainer, WordPieceTrainer

from glove_lstm.data.errors import DataError
from glove_lstm.tokenization.pipelines import article_pipeline, default_pipeline
from glove_lstm.tokenization.tokenization_glove_lstm import GloveLstmTokenizer
from glove_lstm.tokenization.word_shapes import repair

PAD, UNK = "<pad>", "<unk>"
PIECE = "##"  # marks a piece that is no word's begin; no word of the default variant contains it
VARIANTS = ("article", "default")
_ALPHABET = 200  # characters that pieces are made of; a word with a rarer one is unknown
_EVERY_WORD = 10_000_000  # a vocabulary size that no corpus reaches


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
    """Make the tokenizer of a training run.

    Args:
        corpus: Gives the training texts, anew at each call.
        variant: "article": lower-cased words without URLs, punctuation and stop words, the corpus's most frequent
            first. "default": words, numbers, punctuation and `<url>`, lower-cased; corpus words that have a vector,
            frequent corpus words that have none, then `known_words` in their order, which is by frequency: a test
            word that GloVe knows must not become unknown because the training texts lack it.
        vocab_size: Rows at the most, padding and unknown word included. Above 100,000, each load calls the Hub.
        model_max_length: Tokens that a text is cut to.
        known_words: Words that have a vector, most frequent first; only the default variant looks at them.
        min_frequency: How often the corpus has a word without a vector before it gets a row of its own; the article
            variant gives one to each, as far as `vocab_size` goes.
        num_pieces: Above 0, a word that has no row is read in pieces, begins of words and up to so many learned from
            the corpus, instead of as the unknown word (WordPiece, longest piece first); only in the default variant.
        correct_spelling: Whether calls read a word that has no row as a word that has one, where a single mistake
            explains it.
        truncation_side: "right" keeps a text's begin, "left" its end.
        token_types: Whether calls give word shapes as `token_type_ids`.
        stop_words: Words that the article variant removes.

    Raises:
        ValueError: An unknown variant, a vocabulary without room for a word, a negative number of pieces, or what the
            other variant alone has: pieces, stop words.
    """
    stop_words = list(stop_words)
    _check(variant, vocab_size, num_pieces, stop_words)
    backend = Tokenizer(WordLevel({PAD: 0, UNK: 1}, unk_token=UNK))
    backend.normalizer, backend.pre_tokenizer = (
        article_pipeline(stop_words) if variant == "article" else default_pipeline()
    )
    if variant == "article":
        words = _corpus_words(backend, corpus(), min_frequency=1)
    else:
        known = set(known_words)
        counted = _corpus_words(backend, corpus(), min_frequency=1) if known or num_pieces else []
        pieces = _corpus_pieces(backend, corpus(), counted, num_pieces) if num_pieces else []
        frequent = set(_corpus_words(backend, corpus(), min_frequency=min_frequency))
        every = counted if known else sorted(frequent)
        words = [*pieces, *(word for word in every if word in known)]
        words += [word for word in every if word in frequent and word not in known]
        words += known_words
    vocabulary = {PAD: 0, UNK: 1}
    for word in words:
        if len(vocabulary) == vocab_size:
            break
        if word not in vocabulary:
            vocabulary[word] = len(vocabulary)
    if variant == "default" and num_pieces:
        backend.model = WordPiece(vocabulary, unk_token=UNK, continuing_subword_prefix=PIECE)
        backend.decoder = decoders.WordPiece(PIECE, cleanup=False)
    else:
        backend.model = WordLevel(vocabulary, unk_token=UNK)
    inputs = (
        ["input_ids", "token_type_ids", "attention_mask"] if token_types else ["input_ids", "attention_mask"]
    )
    return GloveLstmTokenizer(
        tokenizer_object=backend,
        pad_token=PAD,
        unk_token=UNK,
        model_max_length=model_max_length,
        correct_spelling=correct_spelling,
        truncation_side=truncation_side,
        model_input_names=inputs,
        split_special_tokens=True,  # a text that contains "<pad>" contains no padding
        clean_up_tokenization_spaces=False,
    )


def _check(variant: str, vocab_size: int, num_pieces: int, stop_words: Sequence[str]) -> None:
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    if vocab_size < 3:
        raise ValueError(
            f"vocab_size must be at least 3 (padding, the unknown word, one word), not {vocab_size}"
        )
    if num_pieces < 0:
        raise ValueError(f"num_pieces must be at least 0, not {num_pieces}")
    if num_pieces and variant == "article":
        raise ValueError(f"num_pieces are of the default variant: it must be 0 for article, not {num_pieces}")
    if stop_words and variant == "default":
        raise ValueError("stop words are only removed by the article variant: give none to the default one")


def english_stop_words() -> list[str]:
    """NLTK's English stop words.

    Raises:
        DataError: They are not on this machine; the message says how to get them.
    """
    from nltk.corpus import stopwords

    try:
        return stopwords.words("english")
    except LookupError:
        raise DataError(
            "NLTK's stop words are not on this machine: run `python -m nltk.downloader stopwords`, or set NLTK_DATA "
            "to a folder that holds corpora/stopwords/english"
        ) from None


def _corpus_words(pipeline: Tokenizer, texts: Iterable[str], *, min_frequency: int) -> list[str]:
    """The corpus's words, most frequent first, as the pipeline cuts them."""
    counter = Tokenizer(WordLevel(unk_token=UNK))
    counter.normalizer, counter.pre_tokenizer = pipeline.normalizer, pipeline.pre_tokenizer
    trainer = WordLevelTrainer(vocab_size=_EVERY_WORD, min_frequency=min_frequency, show_progress=False)
    counter.train_from_iterator(map(repair, texts), trainer)
    vocabulary = counter.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _corpus_pieces(pipeline: Tokenizer, texts: Iterable[str], words: Sequence[str], size: int) -> list[str]:
    """Single characters, and pieces that are no word's begin, as WordPiece learns them: at most `size`.

    `words` are all that the texts have.

    The learner numbers its alphabet in an order that differs from process to process, and breaks ties by number: it
    gets the alphabet from here, as special tokens, and is left none to find.
    """
    counts = Counter(chain.from_iterable(words))
    alphabet = sorted(counts, key=lambda character: (-counts[character], character))[:_ALPHABET]
    inner = set(chain.from_iterable(word[1:] for word in words))
    learner = Tokenizer(WordPiece(unk_token=UNK))
    learner.normalizer, learner.pre_tokenizer = pipeline.normalizer, pipeline.pre_tokenizer
    trainer = WordPieceTrainer(
        vocab_size=size,
        limit_alphabet=0,
        special_tokens=[*alphabet, *(PIECE + character for character in alphabet if character in inner)],
        show_progress=False,
        continuing_subword_prefix=PIECE,
    )
    learner.train_from_iterator(map(repair, texts), trainer)
    learned = learner.get_vocab()
    pieces = sorted(learned, key=learned.__getitem__)
    return [piece for piece in pieces if piece.startswith(PIECE) or len(piece) == 1][:size]
