"""Build a tokenizer from a corpus and the words that have vectors."""

import logging
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.trainers import WordLevelTrainer

from glove_lstm.errors import DataError
from glove_lstm.text.pipelines import Pipeline, article_pipeline, default_pipeline
from glove_lstm.tokenization.tokenization_glove_lstm import GloveLstmTokenizer
from glove_lstm.tokenization.word_shapes import replace_surrogates

logger = logging.getLogger(__name__)

PAD, UNK = "<pad>", "<unk>"


def build_tokenizer(
    corpus: Sequence[str],
    *,
    variant: str = "default",
    vocab_size: int = 60_000,
    model_max_length: int = 1000,
    known_words: Sequence[str] = (),
    min_frequency: int = 3,
    truncation_side: str = "right",
    token_types: bool = True,
    stop_words: Iterable[str] = (),
) -> GloveLstmTokenizer:
    """Build the tokenizer of a training run.

    Args:
        corpus: The training texts.
        variant: "article": lower-cased words without URLs, punctuation and stop words, the corpus's most frequent
            first. "default": words, numbers, punctuation and `<url>`, lower-cased; the corpus's most frequent first,
            then `known_words` in their order, so that test words outside the training texts keep their vectors.
        vocab_size: Maximum number of rows, at least 3: padding, the unknown word and a word. Above 100,000 rows,
            transformers asks the Hub for model information at each load.
        model_max_length: Tokens that a text is truncated to.
        known_words: Words that have a vector, most frequent first; ignored by the article variant.
        min_frequency: Occurrences in the corpus from which a word without a vector gets a row. The article variant
            takes every word, up to `vocab_size`.
        truncation_side: "right" keeps the beginning of a text, "left" its end.
        token_types: Return word shapes, and the spellings of unknown words, as `token_type_ids`.
        stop_words: Words that the article variant removes.
    """
    is_article = variant == "article"
    pipeline = article_pipeline(stop_words) if is_article else default_pipeline()
    words = _corpus_words(pipeline, corpus, min_frequency=1)
    if not is_article:
        # A word below `min_frequency` is accepted only if it has a vector.
        frequent_words = _corpus_words(pipeline, corpus, min_frequency=min_frequency)
        accepted = {*frequent_words, *known_words}
        words = [word for word in words if word in accepted]
        words += known_words
    distinct = list(dict.fromkeys([PAD, UNK, *words]))
    vocabulary = {word: row for row, word in enumerate(distinct[:vocab_size])}
    backend = _backend(pipeline, WordLevel(vocabulary, unk_token=UNK))

    input_names = ["input_ids", "attention_mask"]
    if token_types:
        input_names = ["input_ids", "token_type_ids", "attention_mask"]
    return GloveLstmTokenizer(
        tokenizer_object=backend,
        pad_token=PAD,
        unk_token=UNK,
        model_max_length=model_max_length,
        truncation_side=truncation_side,
        model_input_names=input_names,
        split_special_tokens=True,  # "<pad>" in a text is text
        clean_up_tokenization_spaces=False,
    )


def english_stop_words() -> list[str]:
    """Return NLTK's English stop words, which are fetched if they are missing.

    Raises:
        DataError: They are not on this machine, and cannot be fetched.
    """
    import nltk
    from nltk.corpus import stopwords

    try:
        return stopwords.words("english")
    except LookupError:
        logger.info("NLTK's stop words are fetched.")
    if nltk.download("stopwords", quiet=True):
        return stopwords.words("english")
    raise DataError(
        "NLTK's stop words are not on this machine, and cannot be fetched. Run `python -m nltk.downloader stopwords` "
        "with a network, or set NLTK_DATA to a folder that holds corpora/stopwords/english."
    )


def _corpus_words(pipeline: Pipeline, texts: Iterable[str], *, min_frequency: int) -> list[str]:
    """Return the corpus's words as the pipeline cuts them, most frequent first."""
    # The default limit is 30,000 words. No corpus has ten million.
    trainer = WordLevelTrainer(vocab_size=10**7, min_frequency=min_frequency, show_progress=False)
    backend = _backend(pipeline, WordLevel(unk_token=UNK))
    backend.train_from_iterator(map(replace_surrogates, texts), trainer)
    ids = backend.get_vocab()  # the most frequent word has the lowest id
    return sorted(ids, key=ids.__getitem__)


def _backend(pipeline: Pipeline, model: WordLevel) -> Tokenizer:
    backend = Tokenizer(model)
    backend.normalizer, backend.pre_tokenizer = pipeline
    return backend
