"""The sections of the model card on the model, its data and its training: functions from a training to Markdown."""

import re
from collections.abc import Iterable

from glove_lstm.publishing.card_markdown import count, listed, paragraphs, table
from glove_lstm.publishing.card_run import CardRun
from glove_lstm.publishing.data_notes import (
    DATA_NOTES,
    GLOVE_BIBTEX,
    DataNotes,
    title_of_data,
)

# From this `max_seq_length` on, texts are not truncated. transformers writes 1e30 for such a tokenizer.
_NO_TRUNCATION = 1_000_000


def network(run: CardRun) -> str:
    """Describe the layers in one sentence."""
    config = run.config
    vectors = "frozen" if config["freeze_embeddings"] else "trained"
    inputs = [f"GloVe vectors of {config['embedding_size']} dimensions ({vectors})"]
    if config.get("character_buckets"):
        inputs.append("characters of unknown words")
    if config.get("type_embedding_size"):
        inputs.append("word shapes")
    layers = f"LSTM of {config['hidden_size']} units, max pooling, dense layer of {config['classifier_hidden_size']}"
    if config.get("ngram_buckets"):
        layers += ", and a linear classifier of hashed n-grams"
    return f"{listed(inputs)}, {layers}."


def max_length(run: CardRun) -> str:
    """Return the number of tokens to which texts are truncated; empty if they are not."""
    longest = run.arguments["max_seq_length"]
    if longest >= _NO_TRUNCATION:
        return ""
    return str(longest)


def lstm_length(run: CardRun) -> str:
    """Return the number of tokens that the LSTM reads, if it is fewer than `max_length`."""
    length = run.config.get("lstm_length")
    if not length or length >= run.arguments["max_seq_length"]:
        return ""
    return str(length)


def known_leaks(run: CardRun) -> str:
    """Return the known leaks and duplicates of the built-in datasets in the training data."""
    found = _notes([run.about["data"]])
    if not found:
        return "Leaks and duplicates: not measured (`glove-lstm evaluate --leaks`)."
    parts = []
    for notes in found:
        parts += [f"Known leaks and duplicates of {notes.title}:", notes.known]
    return paragraphs(*parts)


def _notes(descriptions: Iterable[str]) -> list[DataNotes]:
    """Return the notes of the built-in datasets that are named in descriptions of data.

    A title may name several of them. A name is a whole word: "liar" is not in "user/liar-detection".
    """
    words: set[str] = set()
    for description in descriptions:
        title = title_of_data(description).lower()
        words.update(re.findall(r"[\w-]+", title))
    return [notes for name, notes in DATA_NOTES.items() if name in words]


def bibtex(run: CardRun) -> str:
    """Return the entries of GloVe and of the built-in datasets in training and measurements."""
    found = _notes([run.about["data"], *run.other_data])
    entries = [GLOVE_BIBTEX]
    entries += [notes.bibtex for notes in found]
    return paragraphs(*entries)


def word_vectors(run: CardRun) -> str:
    """Name the word vectors and their licence."""
    file = run.about.get("glove")
    if not file:
        return "The word vectors come from the checkpoint where training started."
    name = file.split("/")[-1]
    licence = "Stanford's vectors are under the Public Domain Dedication and License."
    return f"The word vectors are `{name}`. {licence}"


def procedure(run: CardRun) -> str:
    """Name preset, versions and numbers of texts, and explain the two models of a training with `refit`."""
    about = run.about
    versions = about["versions"]
    package = f"glove-lstm {versions['glove_lstm']}"
    libraries = f"transformers {versions['transformers']}, torch {versions['torch']}"
    counts = []
    for split, rows in about["rows"].items():
        if split != "all":
            counts.append(f"{count(rows)} {split}")
    sentences = [
        f"Preset `{about['preset']}` of {package} ({libraries}), {about['epochs']:g} epochs.",
        f"Texts: {', '.join(counts)}.",
    ]
    if run.refitted:
        total = count(about["rows"]["all"])
        sentences.append(
            "A first model learned from the training texts and was calibrated on the validation texts; "
            f"this model was trained on {total} texts, which include both."
        )
    return " ".join(sentences)


def settings(run: CardRun) -> str:
    """Return the table of the training's arguments."""
    rows = []
    for name, value in run.arguments.items():
        text = str(value)
        if isinstance(value, list):
            text = ", ".join(map(str, value))
        rows.append((name, text))
    return table(["setting", "value"], rows)


def teachers(run: CardRun) -> str:
    """Describe the teachers of a distillation; empty for other trainings."""
    about = run.distillation
    if not about:
        return ""
    text = (
        f"The LSTM learned logits of other classifiers on {count(about['texts'])} texts: the training texts, "
        f"{count(about['copies'])} altered copies of them and {count(about['unlabelled'])} texts without labels."
    )
    if about["weight_of_labelled_model"]:
        text += (
            " It also learned the logits of a model that was trained on the labels, "
            f"with the weight {about['weight_of_labelled_model']:.2f}."
        )
    rows = []
    for teacher in about["teachers"]:
        origin = teacher.get("license") or "licence unknown"
        if teacher.get("revision"):
            origin += f", revision `{teacher['revision']}`"
        rows.append((f"`{teacher['name']}` ({origin})", f"{teacher['weight']:.2f}"))
    return paragraphs(text, table(["teacher", "weight"], rows), _agreement(run))


def _agreement(run: CardRun) -> str:
    about = run.distillation
    if not about["held_out"]:
        return ""
    model = "The first model" if run.refitted else "The model"
    text = (
        f"{model} and the teachers give {about['agreement']:.1%} of {count(about['held_out'])} "
        "held-out texts the same label."
    )
    if not run.validated:
        text += " These texts have no labels: the scores are calibrated to the teachers' scores, not to labels."
    return text


def speed(run: CardRun) -> str:
    """Return the measured speed of prediction."""
    measured = run.about.get("speed")
    if not measured:
        return "Speed: not measured."
    # `measure_speed` times 64 texts, which `predict_logits` divides into batches of 32.
    return (
        f"A text of {measured['words']} words takes {measured['one_text_ms']:.1f} ms from string to label; batches of "
        f"32 such texts reach {measured['texts_per_second']:.0f} texts a second (PyTorch, {run.about['hardware']})."
    )


def cost(run: CardRun) -> str:
    """Return how long the training took."""
    seconds = run.about["seconds"]
    sentences = []
    if seconds.get("teachers"):
        sentences.append(
            f"The teachers' logits and the altered copies took {seconds['teachers']:.0f} s."
        )
    since = " since the run was resumed" if run.about.get("resumed") else ""
    preparing = "preparing the texts"
    if run.config.get("ngram_buckets"):
        preparing += " and fitting the n-grams"
    sentences.append(
        f"Training the LSTM took {seconds['train']:.0f} s{since} ({run.about['hardware']}), "
        f"{preparing} {seconds['prepare']:.0f} s."
    )
    if run.refitted:
        sentences.append("These are the times of the first and the final model together.")
    sentences.append("Energy and emissions: not measured.")
    return " ".join(sentences)
