"""The model card: facts computed from a checkpoint's metrics.json and config.json, printed by `model_card.md`."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, StrictUndefined

from glove_lstm.checkpoint import (
    CARD_NAME,
    LOADED_NAMES,
    TRAINING_TEXTS_NAME,
    label_names,
    package_resource,
)
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.evaluation.baselines import DESCRIPTIONS
from glove_lstm.evaluation.examples import WIDGET
from glove_lstm.publishing.data_notes import DATA_NOTES, GLOVE_BIBTEX, DataNotes
from glove_lstm.publishing.hub_upload import HUB_ID
from glove_lstm.training.presets import FEWEST_FOR_C

PLACEHOLDER_ID = "your-name/your-model"  # in the card of a checkpoint that was never pushed

NOT_MEASURED = "Not measured."
# The last line of a rendered card starts with these words and holds the hash of the text above it. A push compares the
# hash to find out whether somebody edited the card. Keep the words: cards that other versions rendered have them.
_SEAL = "<!-- Rendered by glove-lstm. A push renders it again, unless the text above was edited. SHA-256: "
_HUB_METRICS = {  # our name -> name on the Hub
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}
_PLOTS = {
    "curves.png": "Loss and accuracy by epoch of training",
    "confusion.png": "Confusion matrix: texts by their label and the predicted one",
    "reliability.png": "Accuracy against score: on the diagonal, a score is a probability",
}
# From this `max_seq_length` on, texts are not truncated. transformers writes 1e30 for such a tokenizer.
_NO_TRUNCATION = 1_000_000

Rows = Sequence[Sequence[str]]


def write_card(folder: Path, repo_id: str = PLACEHOLDER_ID) -> None:
    """Render the card of a checkpoint into its folder."""
    (folder / CARD_NAME).write_text(render_card(folder, repo_id), encoding="utf-8")


def render_card(folder: Path, repo_id: str = PLACEHOLDER_ID) -> str:
    """Return the card of the checkpoint in `folder` for the repository `repo_id`.

    Raises:
        DataError: metrics.json or config.json cannot be read.
    """
    facts = CardFacts.of(folder, repo_id)
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    template = environment.from_string(
        package_resource("model_card.md").read_text(encoding="utf-8")
    )
    text = template.render(vars(facts))
    # Sections without a table or a remark leave blank lines.
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return _sealed(f"{text}\n\n")


def is_rendered(card: str) -> bool:
    """Return whether a card is exactly as `render_card` made it, in this or another version."""
    text, _, _ = card.rpartition(_SEAL)
    return card == _sealed(text)


def _sealed(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return f"{text}{_SEAL}{digest} -->\n"


@dataclass(frozen=True)
class Section:
    """A section of the card with a table: Markdown above it, rows of cells, and Markdown below it."""

    text: str
    rows: Rows = ()
    remarks: str = ""


@dataclass(frozen=True)
class CardFacts:
    """The values that the template prints.

    Strings are Markdown. If a value is empty, None or False, the template leaves out its section or sentence.
    """

    metadata: str  # YAML
    name: str
    repo_id: str
    news: bool  # the labels are FAKE and REAL

    labels: str
    parameters: str
    megabytes: str
    network: str

    max_length: str  # tokens
    kept_part: str  # of a longer text
    learning_rate: str  # for fine-tuning

    data: str
    fine_tuned_from: str
    has_record: bool  # training_texts.safetensors is there
    known_leaks: str

    procedure: str
    settings: Rows  # name, value
    teachers: Section | None  # teacher, weight

    results: Section  # model, accuracy, interval
    sources_title: str
    sources: Section | None  # source, texts, accuracy, balanced accuracy, ROC AUC
    calibration: Section  # texts, ECE, Brier score
    coverage: Section | None  # least score, share of texts labelled, accuracy of their labels
    # data, rows, accuracy, interval, balanced accuracy, ROC AUC, ECE, majority class
    other_data: Rows
    other_baselines: Rows  # data, baseline, accuracy
    plots: Rows  # file, title
    examples: Section  # title, style, label, score, error

    speed: str
    cost: str
    lstm_length: str  # tokens that the LSTM reads, if they are fewer than max_length
    robustness: str
    word_vectors: str
    bibtex: str

    @classmethod
    def of(cls, folder: Path, repo_id: str = PLACEHOLDER_ID) -> "CardFacts":
        """Compute the facts of a checkpoint.

        `card` in metrics.json may give the card's `name`, its `license` (an id of the Hub) and its `data_description`.

        Raises:
            DataError: metrics.json or config.json cannot be read.
        """
        run = _Run(
            read_checkpoint_json(folder / "metrics.json"),
            read_checkpoint_json(folder / "config.json"),
        )
        about = run.about
        card = run.metrics.get("card", {})
        name = card.get("name", "GloVe+LSTM")
        license = card.get("license", "unknown")
        labels = label_names(folder, run.config)
        news = set(labels) == {"FAKE", "REAL"}
        metadata = _metadata(run, name, repo_id, license, news=news)
        sizes = [path.stat().st_size for path in _existing(folder, LOADED_NAMES)]
        kept_part = "beginning"
        if run.arguments.get("truncation_side") == "left":
            kept_part = "end"
        robustness = run.metrics.get("robustness", {})
        return cls(
            metadata=metadata.to_yaml(),
            name=name,
            repo_id=repo_id,
            news=news,
            labels=", ".join(labels),
            parameters=_count(about["parameters"]),
            megabytes=f"{sum(sizes) / 1e6:.1f}",
            network=_network(run.config),
            max_length=_max_length(run),
            kept_part=kept_part,
            learning_rate=str(run.arguments.get("learning_rate") or ""),
            data=card.get("data_description", f"The texts: {about['data']}."),
            fine_tuned_from=about.get("fine_tuned_from", ""),
            has_record=(folder / TRAINING_TEXTS_NAME).is_file(),
            known_leaks=_known_leaks(about["data"]),
            procedure=_procedure(run),
            settings=_settings(run.arguments),
            teachers=_teachers(run),
            results=_results(run),
            sources_title=run.unseen_sources.capitalize(),
            sources=_sources(run),
            calibration=_calibration(run),
            coverage=_coverage(run),
            other_data=_other_data(run),
            other_baselines=_other_baselines(run),
            plots=_plots(run, folder),
            examples=_examples(run.metrics.get("examples", [])),
            speed=_speed(about),
            cost=_cost(run),
            lstm_length=_lstm_length(run),
            robustness=robustness.get("summary", ""),
            word_vectors=_word_vectors(about),
            bibtex=_bibtex(run),
        )


class _Run:
    """metrics.json and config.json of a checkpoint, and the values that several sections need.

    With `refit`, a training has two models. The first model was measured on the validation texts. The final model was
    then trained on all texts, the validation texts included, and is the model of the checkpoint.
    """

    def __init__(self, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self.metrics = metrics
        self.config = config
        self.about = metrics["about"]
        self.arguments = self.about["arguments"]
        self.baselines = metrics.get("baselines") or {}
        self.other_data = metrics.get("other_data") or {}
        self.distillation = self.about.get("distillation")
        self.validated = "validation" in metrics
        # There are a first and a final model.
        self.refitted = "all" in self.about["rows"]
        # No source of the validation texts was among the training texts.
        self.by_source = self.validated and self.about.get("validation_by") == "source"
        self.unseen_sources = "sources unseen in training"
        if self.refitted:
            self.unseen_sources = "sources unseen by the first model"

        # The split that the section "Results" shows.
        self.split = ""
        if "test" in metrics:
            self.split = "test"
        elif self.validated:
            self.split = "validation"
        self.measures = metrics.get(self.split, {})
        # The split that is most like new data. The calibration on other texts is compared with the calibration here.
        self.reference_split = self.split
        if self.by_source:
            self.reference_split = "validation"

    @property
    def chosen_on_validation(self) -> str:
        """Return what was chosen on the validation texts. Figures on them are optimistic because of these choices."""
        chosen = []
        if self.distillation:
            chosen.append("the weights of the teachers")
        if self.about.get("best_step") is not None:
            chosen.append("the epoch")
        has_ngrams = bool(self.about.get("ngram_weight"))
        is_c_given = bool(self.arguments.get("ngram_c"))
        has_enough_texts = self.about["rows"].get("validation", 0) >= FEWEST_FOR_C
        if has_ngrams and not is_c_given and has_enough_texts:
            chosen.append("C of the n-gram classifier")
        chosen.append("the calibration")
        return _listed(chosen)


# Numbers and cells as text


def _figure(value: float | None) -> str:
    if value is None:
        return "not defined"
    return f"{value:.4f}"


def _count(value: int) -> str:
    return f"{value:,}"


def _interval(measures: Mapping[str, Any]) -> str:
    low, high = measures["accuracy_interval"]
    return f"{low:.4f}-{high:.4f}"


def _cell(text: str) -> str:
    """Return any text as a cell of a table: on one line, with escaped column marks."""
    return " ".join(text.split()).replace("|", "\\|")


def _listed(words: Sequence[str]) -> str:
    """Join words as in "a, b and c"."""
    *first, last = words
    if not first:
        return last
    return f"{', '.join(first)} and {last}"


def _existing(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return the paths of those files that the folder has."""
    paths = [folder / name for name in names]
    return [path for path in paths if path.is_file()]


# The model


def _network(config: Mapping[str, Any]) -> str:
    vectors = "frozen" if config["freeze_embeddings"] else "trained"
    inputs = [f"GloVe vectors of {config['embedding_size']} dimensions ({vectors})"]
    if config.get("character_buckets"):
        inputs.append("characters of unknown words")
    if config.get("type_embedding_size"):
        inputs.append("word shapes")
    layers = f"LSTM of {config['hidden_size']} units, max pooling, dense layer of {config['classifier_hidden_size']}"
    if config.get("ngram_buckets"):
        layers += ", and a linear classifier of hashed n-grams"
    return f"{_listed(inputs)}, {layers}."


def _max_length(run: _Run) -> str:
    longest = run.arguments["max_seq_length"]
    if longest >= _NO_TRUNCATION:
        return "`model_max_length`"
    return str(longest)


def _lstm_length(run: _Run) -> str:
    length = run.config.get("lstm_length")
    if not length or length >= run.arguments["max_seq_length"]:
        return ""
    return str(length)


# The data


def _known_leaks(data: str) -> str:
    """Return the known leaks and duplicates of the built-in datasets that a description of the data names."""
    found = _notes([data])
    if not found:
        return "Leaks and duplicates: not measured (`glove-lstm evaluate --leaks`)."
    paragraphs = [
        f"Known leaks and duplicates of {notes.title}:\n\n{notes.known}" for notes in found
    ]
    return "\n\n".join(paragraphs)


def _notes(descriptions: Iterable[str]) -> list[DataNotes]:
    """Return the notes of the built-in datasets that are named in descriptions of data.

    A description is "NAME (CONFIG) from FILES", a list of names, or a list of files. File names are ignored.
    """
    titles = [text.partition(" from ")[0].lower() for text in descriptions]
    names = " ".join(title for title in titles if "." not in title)
    found = []
    for key, notes in DATA_NOTES.items():
        # The whole name: "liar" is not in "user/liar-detection".
        if re.search(rf"(?<![\w-]){key}(?![\w-])", names):
            found.append(notes)
    return found


def _bibtex(run: _Run) -> str:
    found = _notes([run.about["data"], *run.other_data])
    entries = [GLOVE_BIBTEX]
    entries += [notes.bibtex for notes in found]
    return "\n\n".join(entries)


def _word_vectors(about: Mapping[str, Any]) -> str:
    if not about.get("glove"):
        return "The word vectors come from the checkpoint where training started."
    name = about["glove"].split("/")[-1]
    licence = "Stanford's vectors are under the Public Domain Dedication and License."
    return f"The word vectors are `{name}`. {licence}"


# The training


def _procedure(run: _Run) -> str:
    about = run.about
    versions = about["versions"]
    package = f"glove-lstm {versions['glove_lstm']}"
    libraries = f"transformers {versions['transformers']}, torch {versions['torch']}"
    counts = [f"{_count(n)} {split}" for split, n in about["rows"].items() if split != "all"]
    sentences = [
        f"Preset `{about['preset']}` of {package} ({libraries}), {about['epochs']:g} epochs.",
        f"Texts: {', '.join(counts)}.",
    ]
    if run.refitted:
        total = _count(about["rows"]["all"])
        sentences.append(
            "A first model learned from the training texts and was calibrated on the validation texts; "
            f"this model was trained on {total} texts, which include both."
        )
    return " ".join(sentences)


def _settings(arguments: Mapping[str, Any]) -> Rows:
    rows = []
    for name, value in arguments.items():
        text = str(value)
        if isinstance(value, list):
            text = ", ".join(map(str, value))
        rows.append((name, _cell(text)))
    return rows


def _teachers(run: _Run) -> Section | None:
    about = run.distillation
    if not about:
        return None
    text = (
        f"The LSTM learned logits of other classifiers on {_count(about['texts'])} texts: the training texts, "
        f"{_count(about['copies'])} altered copies of them and {_count(about['unlabelled'])} texts without labels."
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
    return Section(text, rows, _agreement(run))


def _agreement(run: _Run) -> str:
    about = run.distillation
    if not about["held_out"]:
        return ""
    model = "The first model" if run.refitted else "The model"
    text = (
        f"{model} and the teachers give {about['agreement']:.1%} of {_count(about['held_out'])} "
        "held-out texts the same label."
    )
    if not run.validated:
        text += " These texts have no labels: the scores are calibrated to the teachers' scores, not to labels."
    return text


# Measurements


def _results(run: _Run) -> Section:
    if not run.split:
        return Section(NOT_MEASURED)
    measures = run.measures
    text = _about_test_texts(run)
    model = "this model"
    if run.split == "validation":
        text = _about_validation_texts(run)
    if run.split == "validation" and run.refitted:
        model = "first model"
    rows = [(model, _figure(measures["accuracy"]), _interval(measures))]
    for baseline, measured in run.baselines.items():
        if run.split in measured:
            accuracy = _figure(measured[run.split]["accuracy"])
            interval = _interval(measured[run.split])
            rows.append((DESCRIPTIONS[baseline], accuracy, interval))
    rows.append(("majority class of these texts", _figure(measures["majority_share"]), ""))
    remarks = _more_measures(run)
    if not run.baselines:
        remarks = f"Baselines: not measured.\n\n{remarks}"
    return Section(text, rows, remarks)


def _about_test_texts(run: _Run) -> str:
    seen = run.measures.get(
        "seen"
    )  # number of texts; None if a part of the training texts is unknown
    text = f"Measured on {_count(run.measures['rows'])} test texts"
    if seen:
        return f"{text}, of which the training used {_count(seen)}, so the figures are too good."
    if seen is None and run.about.get("fine_tuned_from"):
        return f"{text}, of which the checkpoint where training started may have used some."
    return f"{text}, which the training did not use."


def _about_validation_texts(run: _Run) -> str:
    about = run.about
    text = f"Measured on {_count(run.measures['rows'])} validation texts"
    if run.refitted:
        text += " with a first model, which did not train on them"
    elif run.measures.get("seen"):
        text += f", of which the training used {_count(run.measures['seen'])}"
    text += f". They also chose {run.chosen_on_validation}, so the figures are optimistic."
    if about.get("known_before"):
        known = _count(about["known_before"])
        text += f" The checkpoint where training started knew {known} of these texts, so the figures are too good."
    elif about.get("fine_tuned_from") and "known_before" not in about:
        text += " The checkpoint where training started may have known some of these texts."
    return text


def _more_measures(run: _Run) -> str:
    """Return the measures below the table; only multi-label models have `micro_f1`."""
    measures = run.measures
    if "micro_f1" not in measures:
        return (
            f"Macro F1 {_figure(measures['f1'])}, precision {_figure(measures['precision'])}, "
            f"recall {_figure(measures['recall'])}, Matthews correlation {_figure(measures['mcc'])}, "
            f"ROC AUC {_figure(measures['roc_auc'])}."
        )
    thresholds = [
        f"{label} {_figure(row['threshold'])}" for label, row in measures["by_label"].items()
    ]
    origin = ""
    if run.config.get("thresholds"):
        origin = ", fitted for F1 on the validation texts (`thresholds` in config.json)"
    return (
        "A text may have several labels, or none. Accuracy is the share of texts whose labels are all correct. "
        f"Macro F1 {_figure(measures['f1'])}, micro F1 {_figure(measures['micro_f1'])}.\n"
        f"Scores are sigmoids; a text gets each label whose score reaches its threshold{origin}: "
        f"{', '.join(thresholds)}."
    )


def _sources(run: _Run) -> Section | None:
    if not run.by_source or not run.metrics["validation"].get("by_source"):
        return None
    training_texts = "the training texts"
    if run.refitted:
        training_texts = "the training texts of the first model"
    text = (
        f"Measured on the validation texts. No text of their recorded sources is in {training_texts}. "
        f"They also chose {run.chosen_on_validation}."
    )
    rows = []
    for source, measures in run.metrics["validation"]["by_source"].items():
        row = [_cell(source), _count(measures["rows"]), _figure(measures["accuracy"])]
        if "roc_auc" in measures:
            row += [_figure(measures["balanced_accuracy"]), _figure(measures["roc_auc"])]
        else:
            row += ["one label", ""]
        rows.append(row)
    return Section(text, rows)


def _calibration(run: _Run) -> Section:
    if not run.split:
        return Section(NOT_MEASURED)
    rows = []
    for split in ("validation", "test"):
        if split in run.metrics:
            measures = run.metrics[split]
            name = _split_with_model(run, split)
            rows.append((name, _figure(measures["ece"]), _figure(measures["brier"])))
    return Section(_calibrated_logits(run), rows, _worse_calibrated(run))


def _calibrated_logits(run: _Run) -> str:
    """Describe how the calibrated logits are computed, and to which texts the values were fitted."""
    about = run.about
    sentences = []
    divided = "Logits are"
    if about.get("ngram_weight"):
        weight = f"{about['ngram_weight']:.3f}"
        sentences.append(
            f"The logits of the n-gram classifier, times {weight}, are added to the LSTM's logits."
        )
        length = run.config.get("lstm_length")
        if length:
            sentences.append(
                f"In texts of more than {length} tokens, the LSTM's logits are first scaled by {length} / tokens."
            )
        divided = "The sum is"
    divided += f" divided by a temperature of {about['temperature']:.3f}"
    if about.get("shrinkage"):
        divided += (
            f" and, in a text of n known words, multiplied by n / (n + {about['shrinkage']:g})"
        )
    sentences.append(f"{divided} ({_calibrated_on(run)}).")
    return " ".join(sentences)


def _calibrated_on(run: _Run) -> str:
    if not run.validated:
        if run.distillation and run.distillation["held_out"]:
            return "fitted to the scores of the teachers"
        return "not fitted"
    if run.refitted:
        return "fitted on the validation texts with a first model, which did not train on them"
    return "fitted on the validation texts"


def _split_with_model(run: _Run, split: str) -> str:
    """Return the name of a split, with a remark if the validation texts are special or measured the first model."""
    if split == "validation" and run.by_source:
        return f"validation ({run.unseen_sources})"
    if split == "validation" and run.refitted:
        return "validation (first model)"
    return split


def _worse_calibrated(run: _Run) -> str:
    """Name the data on which the calibration error is larger than on the texts most like new data."""
    reference_error = run.metrics[run.reference_split]["ece"]
    worse = []
    if run.split != run.reference_split and run.measures["ece"] > reference_error:
        worse.append(f"the {run.split} texts")
    for data, measures in run.other_data.items():
        if measures["ece"] > reference_error:
            worse.append(data)
    if not worse:
        return ""
    return f"Calibration is worse than on the {run.reference_split} texts on: {', '.join(worse)}."


def _coverage(run: _Run) -> Section | None:
    levels = run.metrics.get(run.reference_split, {}).get("coverage")
    if not levels:
        return None
    model = ""
    if run.refitted and run.reference_split == "validation":
        model = ", with the first model"
    text = (
        "Texts with a low score can be left without a label. "
        f"On the {run.reference_split} texts{model}:"
    )
    rows = [
        (_figure(level["threshold"]), f"{level['coverage']:.1%}", _figure(level["accuracy"]))
        for level in levels
    ]
    remarks = "On other data, these figures differ."
    if run.other_data:
        remarks = "On other data, these figures differ (`coverage` in metrics.json)."
    return Section(text, rows, remarks)


def _other_data(run: _Run) -> Rows:
    rows = []
    for data, measures in run.other_data.items():
        row = [_cell(data), _count(measures["rows"])]
        row += [_figure(measures["accuracy"]), _interval(measures)]
        # Macro recall is the balanced accuracy.
        row += [_figure(measures[name]) for name in ("recall", "roc_auc", "ece", "majority_share")]
        rows.append(row)
    return rows


def _other_baselines(run: _Run) -> Rows:
    rows = []
    for data in run.other_data:
        for baseline, measured in run.baselines.items():
            if baseline != "majority" and data in measured:
                accuracy = _figure(measured[data]["accuracy"])
                rows.append((_cell(data), DESCRIPTIONS[baseline], accuracy))
    return rows


def _plots(run: _Run, folder: Path) -> Rows:
    rows = []
    for path in _existing(folder / "plots", _PLOTS):
        title = _PLOTS[path.name]
        if path.name == "curves.png" and run.refitted:
            title += " of the first model"
        rows.append((path.name, title))
    return rows


def _examples(examples: Sequence[Mapping[str, Any]]) -> Section:
    if not examples:
        return Section(NOT_MEASURED)
    rows = []
    errors = 0
    for example in examples:
        error = ""
        if example["label"] != example["style"]:
            error = "error"
            errors += 1
        score = f"{example['score']:.2f}"
        rows.append((_cell(example["text"]), example["style"], example["label"], score, error))
    verb = "is" if errors == 1 else "are"
    text = (
        f"Of {len(examples)} invented titles, {errors} {verb} labelled wrongly. "
        "Each is in the style of one kind of source. They are too few to measure anything."
    )
    return Section(text, rows)


def _speed(about: Mapping[str, Any]) -> str:
    speed = about.get("speed")
    if not speed:
        return NOT_MEASURED
    return (
        f"A text of {speed['words']} words takes {speed['one_text_ms']:.1f} ms from string to label; batches of 32 "
        f"such texts reach {speed['texts_per_second']:.0f} texts a second (PyTorch, {about['hardware']})."
    )


def _cost(run: _Run) -> str:
    seconds = run.about["seconds"]
    sentences = []
    if seconds.get("teachers"):
        sentences.append(f"Asking the teachers took {seconds['teachers']:.0f} s.")
    since = " since the run was resumed" if run.about.get("resumed") else ""
    preparing = "preparing the texts"
    if run.config.get("ngram_buckets"):
        preparing += " and fitting the n-grams"
    sentences.append(
        f"Training the LSTM took {seconds['train']:.0f} s{since} ({run.about['hardware']}), "
        f"{preparing} {seconds['prepare']:.0f} s."
    )
    if run.refitted:
        sentences.append("Both are the times of the first and the final model together.")
    sentences.append("Energy and emissions: not measured.")
    return " ".join(sentences)


# The Hub's metadata


def _metadata(run: _Run, name: str, repo_id: str, license: str, *, news: bool) -> ModelCardData:
    tags = ["glove", "lstm", "custom_code"]
    widget = None
    if news:
        tags.insert(2, "fake-news")
        widget = [{"example_title": title, "text": text} for title, text in WIDGET]
    dataset_id, _ = _dataset(run.about["data"])
    origin = run.about.get("fine_tuned_from", "")
    return ModelCardData(
        language="en",
        license=license,
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=tags,
        datasets=[dataset_id] if "/" in dataset_id else None,
        base_model=origin if re.fullmatch(HUB_ID, origin) else None,
        metrics=list(_HUB_METRICS.values()),
        model_name=name,
        eval_results=_eval_results(run, repo_id) or None,
        widget=widget,
    )


def _dataset(description: str) -> tuple[str, str]:
    """Return the type and the name of a dataset for the model index, without names of local files.

    The type is an id on the Hub, "unknown" for files, or else made of the name, because the Hub needs one.
    """
    # "user/data" or "user/data (CONFIG)". Descriptions of files have no slash.
    hub_id = re.match(rf"({HUB_ID})(?= \(|$)", description)
    if hub_id:
        return hub_id[1], description
    title = description.partition(" from ")[0]
    are_files = "." in title
    if are_files:
        return "unknown", "Unknown"
    name_without_config = title.partition(" (")[0].lower()
    if name_without_config in DATA_NOTES:
        return DATA_NOTES[name_without_config].hub_id, title
    return re.sub(r"\W+", "-", name_without_config), title


def _eval_results(run: _Run, repo_id: str) -> list[EvalResult]:
    """Return the metrics for the model index of the Hub, without undefined ones."""
    splits = ["validation", "test"]
    if run.refitted:
        splits = ["test"]  # only the first model was measured on the validation texts
    results = []
    for split in splits:
        if split in run.metrics:
            results += _results_on(run.about["data"], split, run.metrics[split], repo_id)
    for data, measures in run.other_data.items():
        results += _results_on(data, None, measures, repo_id)
    return results


def _results_on(
    data: str, split: str | None, measures: Mapping[str, Any], repo_id: str
) -> list[EvalResult]:
    dataset_type, dataset_name = _dataset(data)
    results = []
    for measure, hub_name in _HUB_METRICS.items():
        if measures.get(measure) is None:
            continue
        result = EvalResult(
            task_type="text-classification",
            dataset_type=dataset_type,
            dataset_name=dataset_name,
            dataset_split=split,
            metric_type=hub_name,
            metric_value=round(measures[measure], 4),
            source_name="metrics.json",
            source_url=f"https://huggingface.co/{repo_id}/blob/main/metrics.json",
        )
        results.append(result)
    return results
