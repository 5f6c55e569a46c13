"""Fill `model_card.md` from what was measured; what was not measured says so."""

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from glove_lstm.data.errors import DataError
from glove_lstm.evaluation.baselines import DESCRIPTIONS
from glove_lstm.evaluation.examples import WIDGET
from glove_lstm.evaluation.paired import measure_cells
from glove_lstm.publishing.data_notes import DATA_NOTES, GLOVE_BIBTEX, notes_in

NOT_MEASURED = "Not measured."
_TEMPLATE = "model_card.md"
_PICTURES = {  # by their file's name in plots/, in the order in which they are shown
    "curves": "Loss and accuracy by epoch of the training",
    "confusion": "Confusion matrix: how many texts of each label got each label",
    "reliability": "Accuracy against confidence: on the diagonal, a score means what it says",
    "coverage": "Accuracy against the share of texts that get a label, where the least sure are left without one",
    "lengths": "Length of the texts of each label, in words",
    "words": "Words that move the texts most towards each label, as the explanations of up to 200 texts have it",
}
_TASKS = {  # of `benchmark.py accuracy`
    "titles": "five folds",
    "recovery": "five folds",
    "liar": "six labels, its own test set",
    "cross": "trained on one corpus, tested on the others",
}
_MEASURES = {  # ours -> the Hub's
    "accuracy": "accuracy",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "mcc": "matthews_correlation",
    "roc_auc": "roc_auc",
}


@dataclass(frozen=True)
class CardTexts:
    """What no file of measurements knows.

    Attributes:
        model_name: The card's title.
        repo_id: Where it will be found; a push puts the right one in.
        data_description: What it was trained on; what `metrics.json` says unless given.
        cited: Names in `DATA_NOTES` to cite; those that `metrics.json` mentions unless given.
        datasets: Ids on the Hub, for the card's metadata; what `metrics.json` says unless given.
        license: Of the weights.
    """

    model_name: str = "GloVe+LSTM"
    repo_id: str = "user/glove-lstm"
    data_description: str = ""
    cited: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    license: str = "apache-2.0"


def find_template() -> Path:
    """The template: inside the package in a wheel, at the top of a clone."""
    package = Path(__file__).resolve().parents[1]
    for path in (package / _TEMPLATE, package.parent / _TEMPLATE):
        if path.is_file():
            return path
    raise DataError(f"{_TEMPLATE} is missing from the package: install glove-lstm again.")


def fill_card(
    metrics: Mapping[str, Any],
    config: Mapping[str, Any],
    megabytes: float,
    texts: CardTexts,
    plots: Collection[str] = (),
) -> ModelCard:
    """The card of a checkpoint.

    Args:
        metrics: As in `metrics.json`.
        config: As in `config.json`.
        megabytes: Size of weights, tokenizer and configuration, in 10**6 bytes.
        texts: The rest.
        plots: Names of the pictures in `plots/`.
    """
    about = metrics["about"]
    said = about["arguments"]
    names = [config["id2label"][key] for key in sorted(config["id2label"], key=int)]
    news = set(names) == {"FAKE", "REAL"}
    trained_on = notes_in(about["data"])
    cited = texts.cited or trained_on
    glove = _glove_name(about)
    return ModelCard.from_template(
        _metadata(metrics, texts, news=news),
        template_path=str(find_template()),
        model_name=texts.model_name,
        label_list=", ".join(names),
        news=news,
        shape=_shape(config),
        parameters=f"{about['parameters']:,}",
        megabytes=f"{megabytes:.1f}",
        repo_id=texts.repo_id,
        max_length=said.get("max_seq_length") or "`model_max_length`",
        truncation="their end" if said.get("truncation_side") == "left" else "their beginning",
        data_description=texts.data_description or _data_description(about),
        data_notes=_data_notes(trained_on),
        glove=f"`{glove}`" if glove else "those of the checkpoint that training went on with",
        pictures=_pictures(plots),
        robustness=metrics.get("robustness", {}).get("summary", "not measured."),
        bibtex="\n\n".join([GLOVE_BIBTEX, *(DATA_NOTES[name].bibtex for name in cited)]),
        **measured_sections(metrics),
    )


def write_card(folder: Path, texts: CardTexts) -> None:
    """Write README.md into a checkpoint's folder, from the files in it."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".safetensors", ".json"))
    plots = {path.name for path in (folder / "plots").glob("*.png")}
    fill_card(metrics, config, size / 1e6, texts, plots).save(folder / "README.md")


def measured_sections(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The parts of the card that hold figures; they follow from `metrics.json` alone."""
    about = metrics["about"]
    shown = next((name for name in ("test", "validation", "before_refit") if name in metrics), None)
    return {
        "procedure": _procedure(about),
        "results": _results(metrics, shown),
        "recipe_results": _recipe_results(metrics),
        "calibration": _calibration(metrics, shown),
        "other_results": _other_results(metrics),
        "examples": _examples(metrics),
        "speed": _speed(about),
        "cost": _cost(about),
    }


def eval_results(metrics: Mapping[str, Any]) -> list[EvalResult]:
    """The measurements as the Hub's model-index has them; what has no finite value is left out."""
    data = metrics["about"]["data"]
    sets: list[tuple[str | None, str, Any]] = [
        (split, data, metrics[split]) for split in ("validation", "test") if split in metrics
    ]
    sets += [(None, name, found) for name, found in metrics.get("other_data", {}).items()]
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=re.sub(r"\W+", "_", name.lower()).strip("_")[:60],
            dataset_name=name,
            dataset_split=split,
            metric_type=metric,
            metric_value=round(found[measure], 4),
        )
        for split, name, found in sets
        for measure, metric in _MEASURES.items()
        if math.isfinite(found[measure])
    ]


def _metadata(metrics: Mapping[str, Any], texts: CardTexts, *, news: bool) -> ModelCardData:
    about = metrics["about"]
    results = eval_results(metrics)
    # A description such as "user/name (config)" came from the Hub; those of files have no slash.
    on_hub = re.match(r"[\w.-]+/[\w.-]+(?= \(|$)", about["data"])
    origin = about.get("fine_tuned_from", "")
    return ModelCardData(
        language="en",
        license=texts.license,
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["glove", "lstm", *(["fake-news"] if news else []), "custom_code"],
        datasets=list(texts.datasets) or ([on_hub[0]] if on_hub else None),
        base_model=origin if re.fullmatch(r"[\w.-]+/[\w.-]+", origin) else None,
        base_embeddings=_glove_name(about),
        metrics=list(_MEASURES.values()),
        model_name=texts.model_name,
        eval_results=results or None,
        widget=[{"example_title": title, "text": text} for title, text in WIDGET] if news else None,
    )


def _glove_name(about: Mapping[str, Any]) -> str | None:
    return Path(about["glove"]).name if "glove" in about else None


def _data_description(about: Mapping[str, Any]) -> str:
    start = f"Training went on from `{about['fine_tuned_from']}`. " if "fine_tuned_from" in about else ""
    return f"{start}The texts: {about['data']}."


def _data_notes(names: Sequence[str]) -> str:
    known = [f"Known of {DATA_NOTES[name].title}:\n\n{DATA_NOTES[name].known}" for name in names]
    return "\n\n".join(known) or "Leaks and duplicates of these data: not measured."


def _shape(config: Mapping[str, Any]) -> str:
    direction = "bidirectional LSTM" if config["bidirectional"] else "LSTM"
    vectors = "frozen" if config["freeze_embeddings"] else "trained"
    ngrams = ", beside a support vector machine over hashed n-grams" if config.get("ngram_buckets") else ""
    shapes = " and word shapes" if config["type_embedding_size"] else ""
    return (
        f"GloVe vectors of {config['embedding_size']} dimensions ({vectors}){shapes}, "
        f"{config['num_hidden_layers']}-layer {direction} of {config['hidden_size']} units, "
        f"{' + '.join(config['pooling'])} pooling, dense {config['classifier_hidden_size']}{ngrams}"
    )


def _procedure(about: Mapping[str, Any]) -> str:
    rows = ", ".join(f"{count:,} {split}" for split, count in about["rows"].items())
    versions = about["versions"]
    lines = [
        f"Preset `{about['preset']}` of glove-lstm {versions['glove_lstm']} (transformers "
        f"{versions['transformers']}, torch {versions['torch']}); texts: {rows}; {about['epochs']:g} epochs.",
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {_setting(value)} |" for name, value in about["arguments"].items()),
    ]
    return "\n".join(lines)


def _pictures(plots: Collection[str]) -> str:
    shown = [f"![{said}](plots/{name}.png)" for name, said in _PICTURES.items() if f"{name}.png" in plots]
    if not shown:
        return "None were made."
    return "\n\n".join(["But for the first, of the texts under Results.", *shown])


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_setting, value))
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)


def _results(metrics: Mapping[str, Any], shown: str | None) -> str:
    if shown is None:
        return NOT_MEASURED
    found = metrics[shown]
    chosen = (
        "the temperature" if metrics["about"].get("best_step") is None else "the epoch and the temperature"
    )
    validation = f"{found['rows']:,} validation texts, which also chose {chosen}, so the figures flatter it:"
    before = (
        "This model was not measured. Before its n-gram weights were fitted once more, to the validation texts too, "
        "it was measured on "
    )
    start, name = {
        "validation": (f"On {validation}", "this one"),
        "before_refit": (before + validation, "this one, before that"),
        "test": (f"On {found['rows']:,} test texts, which chose nothing:", "this one"),
    }[shown]
    lines = [
        start,
        "",
        "| model | accuracy | 95 % interval |",
        "|---|---|---|",
        f"| {name} | {found['accuracy']:.4f} | {_interval(found)} |",
    ]
    baselines = metrics.get("baselines", {})
    split = "validation" if shown == "before_refit" else shown
    lines += [
        f"| {DESCRIPTIONS[name]} | {baseline[split]['accuracy']:.4f} | {_interval(baseline[split])} |"
        for name, baseline in baselines.items()
        if split in baseline
    ]
    lines.append(f"| majority class of these texts | {found['majority_share']:.4f} | |")
    if not baselines:
        lines += ["", "Baselines: not measured."]
    lines += [
        "",
        f"Macro F1 {_figure(found['f1'])}, precision {_figure(found['precision'])}, recall "
        f"{_figure(found['recall'])}, Matthews correlation {_figure(found['mcc'])}, ROC AUC "
        f"{_figure(found['roc_auc'])}.",
    ]
    return "\n".join(lines)


def _recipe_results(metrics: Mapping[str, Any]) -> str:
    """A table of `metrics["recipe"]`, which the accuracy benchmark writes; nothing without it."""
    recipe = metrics.get("recipe")
    if not recipe:
        return "The recipe on held-out folds: not measured."
    columns = [
        "task",
        "model",
        "accuracy",
        "95 % interval",
        "p against `default`",
        "ECE",
        "lost to typos",
        "p",
    ]
    lines = [
        "The recipe, trained anew and tested on texts left out, by `python -m benchmarks.benchmark accuracy` "
        f"({'; '.join(f'`{task}`: {_TASKS[task]}' for task in recipe if task in _TASKS)}). It says what the recipe "
        "can do, not what this checkpoint does:",
        "",
        _row(columns),
        "|" + "---|" * len(columns),
    ]
    for task, models in recipe.items():
        for model, found in models.items():
            name = DESCRIPTIONS.get(model, f"`{model}` preset")
            lines.append(_row([task, name, *measure_cells(found)]))
    return "\n".join(lines)


def _calibration(metrics: Mapping[str, Any], shown: str | None) -> str:
    if shown is None:
        return NOT_MEASURED
    found = metrics[shown]
    temperature = metrics["about"]["temperature"]
    fitted = "validation" in metrics or "before_refit" in metrics
    how = ", fitted on the validation texts" if fitted else " (not fitted)"
    weight = metrics["about"].get("ngram_weight")
    logits = (
        f"The logits of the n-gram classifier, times {weight:.3f}, are added to those of the LSTM; the sum is"
        if weight
        else "Logits are"
    )
    scaled = f"{logits} divided by a temperature of {temperature:.3f}{how}."
    if shown == "before_refit":
        return (
            f"{scaled} That was before the n-gram weights were fitted once more: neither the calibration of this model "
            "nor a threshold of its score was measured."
        )
    lines = [
        f"{scaled} Expected calibration error (15 bins of "
        f"equal width) {found['ece']:.4f}, Brier score {found['brier']:.4f} on the {shown} texts."
    ]
    worse = [name for name, other in metrics.get("other_data", {}).items() if other["ece"] > found["ece"]]
    if worse:
        lines.append(f"Calibration is worse on {', '.join(worse)}: see below.")
    return "\n\n".join([" ".join(lines), *_abstaining(found, shown)])


def _abstaining(found: Mapping[str, Any], shown: str) -> list[str]:
    """Paragraphs; none for `metrics.json` of a version that did not measure it."""
    if "coverage" not in found:
        return []
    lines = [_row(["label only where the score is at least", "texts that get one", "accuracy of these"])]
    lines.append("|---|---|---|")
    for row in found["coverage"]:
        least = f"{row['threshold']:.4f}" if row["threshold"] else "0 (all)"
        lines.append(_row([least, f"{row['coverage']:.1%}", f"{row['accuracy']:.4f}"]))
    return [
        f"The score can be used to abstain. On the {shown} texts, with an area under the risk-coverage curve of "
        f"{found['aurc']:.4f} (0: never wrong; {1 - found['accuracy']:.4f}: as if the score said nothing):",
        "\n".join(lines),
        "On other data the same threshold leaves out another share, and the accuracy is another.",
    ]


def _other_results(metrics: Mapping[str, Any]) -> str:
    others = metrics.get("other_data", {})
    if not others:
        return NOT_MEASURED
    columns = [name for name in metrics.get("baselines", {}) if name != "majority"]
    titles = ["data", "rows", "this one", "95 % interval", "ECE", "majority class of these texts"]
    titles += [DESCRIPTIONS[name] for name in columns]
    lines = [_row(titles), "|" + "---|" * len(titles)]
    for name, found in others.items():
        figures = [found["ece"], found["majority_share"]]
        figures += [metrics["baselines"][column][name]["accuracy"] for column in columns]
        cells = [name, f"{found['rows']:,}", f"{found['accuracy']:.4f}", _interval(found)]
        lines.append(_row([*cells, *(f"{figure:.4f}" for figure in figures)]))
    return "\n".join(lines)


def _examples(metrics: Mapping[str, Any]) -> str:
    examples = metrics.get("examples")
    if not examples:
        return NOT_MEASURED
    wrong = [example for example in examples if example["label"] != example["style"]]
    lines = [
        f"Of {len(examples)} titles that we made up in the style of both kinds of source, {len(wrong)} got the other "
        "label. They are far too few to measure anything; they show what to expect.",
        "",
        "| invented title | style of | label | score | |",
        "|---|---|---|---|---|",
    ]
    for example in examples:
        fault = "error" if example in wrong else ""
        text = example["text"].replace("|", "\\|")
        lines.append(_row([text, example["style"], example["label"], f"{example['score']:.2f}", fault]))
    return "\n".join(lines)


def _speed(about: Mapping[str, Any]) -> str:
    speed = about.get("speed")
    if not speed:
        return "Speed: not measured."
    return (
        f"A text of {speed['words']} words takes {speed['one_text_ms']:.1f} ms from string to label, and "
        f"{speed['texts_per_second']:.0f} such texts a second are labelled in batches of 32 (PyTorch, "
        f"{about['hardware']})."
    )


def _cost(about: Mapping[str, Any]) -> str:
    seconds = about["seconds"]
    return (
        f"Training took {seconds['train']:.0f} s ({about['hardware']}), preparing the texts "
        f"{seconds['prepare']:.0f} s. Energy and emissions: not measured."
    )


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "not defined"


def _interval(found: Mapping[str, Any]) -> str:
    low, high = found["accuracy_interval"]
    return f"{low:.4f}-{high:.4f}"
