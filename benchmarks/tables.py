"""Tables and pictures of the stored results. `python -m benchmarks.tables` writes them into PAGES and docs/."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corruptions import CORRUPTIONS
from benchmarks.few_labels_tables import (
    few_labels_summary,
    few_labels_table,
    more_labels_summary,
    readme_table,
)
from benchmarks.pictures import draw_accuracy, draw_few_labels, draw_scale
from benchmarks.records import SHOWN, TASK_NAMES, markdown_table, read_results, with_interval

Results = dict[str, dict[str, dict[str, Any]]]  # task -> model -> measure

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = Path(__file__).parent / "results"
PAGES = (
    DOCS.parent / "README.md",
    RESULTS / "README.md",
    DOCS / "benchmarks.md",
    DOCS / "distil.md",
    DOCS / "model.md",
    DOCS / "recipes.md",
    DOCS / "which_one.md",
    DOCS / "howto" / "few_texts.md",
    DOCS / "howto" / "languages.md",
)
_LANGUAGES_MODELS = {
    "tfidf_svc_characters": "TF-IDF of 1 to 3 characters, linear SVC",
    "default": "`default`, `--glove none`",
}
_SPEED = {  # unit -> digits
    "texts/s": 0,
    "ms for one text": 2,
    "s to the first label": 2,
    "MB of memory": 0,
    "MB on disk": 0,
    "CPU s a million texts": 0,
}
_SCALE = {"CPU s to train": 1, "s to train": 1, "MB of memory": 0, "CPU s to classify": 1}

# Models of the short tables of docs/benchmarks.md.
_SUMMARY_MODELS = {
    "default": "`default`",
    "distilled": "`default`, distilled from fine-tuned MiniLM",
    "distilled_mpnet": "`default`, distilled from fine-tuned MPNet",
    "distilled_mpnet_more": "the same, also on texts without labels",
    "article": "`article`",
    "keras_article": "published recipe in Keras",
    "tfidf_svc_cased": "linear SVC, words",
    "tfidf_svc_cased_chars": "linear SVC, words and characters",
    "fasttext": "fastText",
    "model2vec": "model2vec, fine-tuned",
    "minilm_logistic": "MiniLM-L6 embeddings, logistic regression",
    "minilm_finetuned": "MiniLM-L6, fine-tuned",
    "mpnet_finetuned": "MPNet, fine-tuned",
    "majority": "majority class",
}
# Of the models that are distilled: the row and the name.
_TEACHERS = {
    "distilled": ("minilm_finetuned", "MiniLM"),
    "distilled_mpnet": ("mpnet_finetuned", "MPNet"),
    "distilled_mpnet_more": ("mpnet_finetuned", "MPNet, also for texts without labels"),
}
_COST_MODELS = {
    "default": "`default`, light runtime",
    "pipeline": "`default`, transformers pipeline",
    "tfidf_svc_cased": "linear SVC, words",
    "fasttext": "fastText",
    "minilm_logistic": "MiniLM-L6 embeddings, logistic regression",
    "minilm_finetuned": "MiniLM-L6, fine-tuned",
}
_RECIPES = {
    "sst2": "sentiment of film reviews (SST-2)",
    "trec": "type of a question, of six (TREC)",
    "subj": "subjective or objective (SUBJ)",
    "satire": "headline of The Onion or of r/nottheonion",
    "titles": "title of a fake or a real article",
}
_PARTS = {  # of docs/model.md
    "ngrams_alone": "LSTM",
    "lstm_alone": "n-grams",
    "without_word_shapes": "word shapes",
    "without_characters": "characters",
    "without_corrupted_copies": "corrupted copies",
}
_ERRORS = {"typos": "typing errors", "no_case": "lower case", "no_punctuation": "no punctuation"}
_SIGNIFICANT = 0.05
_USD_AN_HOUR = 0.04  # of one core


def accuracy_summary(results: Results) -> str:
    """Format accuracies by model and task. The highest of a task is bold; a star marks a significant difference."""
    tasks = [task for task in TASK_NAMES if task in results]
    best = {task: max(row["accuracy"]["mean"] for row in results[task].values()) for task in tasks}
    lines = []
    for model, name in _SUMMARY_MODELS.items():
        cells = []
        for task in tasks:
            row = results[task].get(model)
            cells.append("" if row is None else _accuracy_cell(row, best[task]))
        lines.append([name, *cells])
    return markdown_table(["", *(TASK_NAMES[task] for task in tasks)], lines)


def _accuracy_cell(row: dict[str, Any], best: float) -> str:
    accuracy = row["accuracy"]["mean"]
    cell = f"{accuracy:.3f}"
    if accuracy == best:
        cell = f"**{cell}**"
    versus = row.get("versus_default")
    if versus and versus["p_holm"] < _SIGNIFICANT:
        cell += " *"
    return cell


def cost_summary(speed: Results, scale: Results) -> str:
    """Format what a model costs: speed on headlines and articles, memory, disk, training on 10,000 texts."""
    heads = ["", "headlines/s", "articles/s", "ms for one headline", "s to the first label"]
    heads += ["MB of memory", "MB on disk", "CPU s to train on 10,000 headlines"]
    lines = []
    for model, name in _COST_MODELS.items():
        headlines = speed["titles"].get(model, {}).get("median", {})
        articles = speed["recovery"].get(model, {}).get("median", {})
        training = scale["10000"].get(model, {}).get("figures", {})
        cells = [
            _figure(headlines, "texts/s", 0),
            _figure(articles, "texts/s", 0),
            _figure(headlines, "ms for one text", 2),
            _figure(headlines, "s to the first label", 2),
            _figure(headlines, "MB of memory", 0),
            _figure(headlines, "MB on disk", 0),
            _figure(training, "CPU s to train", 1),
        ]
        lines.append([name, *cells])
    return markdown_table(heads, lines)


def _figure(figures: dict[str, float], unit: str, digits: int) -> str:
    """Format a figure; empty if it is not measured."""
    return f"{figures[unit]:,.{digits}f}" if unit in figures else ""


def accuracy_table(results: Results) -> str:
    """Format accuracy and measures of scores. A figure above that of `default` (without it, the highest) is bold."""
    heads = ["task", "model", "accuracy (95 % interval)"]
    heads += ["difference to `default`, p, p after Holm", "balanced accuracy", "AUC"]
    heads += ["calibration error", "training, CPU s", "seeds", "sources"]
    lines = []
    for task, models in results.items():
        best = max(row["accuracy"]["mean"] for row in models.values())
        for model, row in models.items():
            accuracy = with_interval(row["accuracy"])
            difference = ""
            is_bold = row["accuracy"]["mean"] == best
            versus = row.get("versus_default")
            if versus:
                difference = "{mean:+.3f}, {p:.2g}, {p_holm:.2g}".format(**versus)
                is_bold = versus["mean"] > 0
            if is_bold:
                accuracy = f"**{accuracy}**"
            cells = [
                task,
                f"`{model}`",
                accuracy,
                difference,
                _mean(row, "balanced_accuracy", 3),
                _mean(row, "auc", 3),
                _mean(row, "ece", 3),
                _mean(row, "fit_seconds", 0),
                str(row["seeds"]),
                row["made_by"]["sources"][:SHOWN],
            ]
            lines.append(cells)
    return markdown_table(heads, lines)


def _mean(row: dict[str, Any], measure: str, digits: int) -> str:
    """Format the mean of a measure; empty if it is not measured."""
    if measure not in row:
        return ""
    return f"{row[measure]['mean']:,.{digits}f}"


def distilled_table(results: Results) -> str:
    """Format the accuracy of distilled models beside `default` and their teachers."""
    heads = ["task", "`default`", "teacher", "accuracy of the teacher", "distilled"]
    heads += ["difference to `default`, p after Holm"]
    lines = []
    for task, models in results.items():
        for model, (teacher, name) in _TEACHERS.items():
            if model not in models:
                continue
            cells = [
                task,
                with_interval(models["default"]["accuracy"]),
                name,
                with_interval(models[teacher]["accuracy"]),
                with_interval(models[model]["accuracy"]),
                "{mean:+.3f}, {p_holm:.2g}".format(**models[model]["versus_default"]),
            ]
            lines.append(cells)
    return markdown_table(heads, lines)


def robustness_table(results: Results) -> str:
    """Format the points of accuracy lost to errors in the texts, of models measured with `--corrupted`."""
    lines = []
    for task, models in results.items():
        for model, row in models.items():
            if set(CORRUPTIONS) <= row.keys():
                points = [f"{100 * row[kind]['mean']:.1f}" for kind in CORRUPTIONS]
                lines.append([task, f"`{model}`", *points])
    return markdown_table(["task", "model", *CORRUPTIONS], lines)


def ablation_table(results: dict[str, Any]) -> str:
    """Format the points of accuracy lost without a part: by task, their mean, and the mean on texts with errors."""
    tasks = [task for task in TASK_NAMES if task in results]
    lines = []
    for model, part in _PARTS.items():
        lost = [_lost_points(results[task], model, "plain") for task in tasks]
        cells = [f"{points:.1f}" for points in (*lost, np.mean(lost))]
        for kind in _ERRORS:
            with_errors = [_lost_points(results[task], model, kind) for task in tasks]
            cells.append(f"{np.mean(with_errors):.1f}")
        lines.append([part, *cells])
    heads = ["without", *(TASK_NAMES[task] for task in tasks), "mean", *_ERRORS.values()]
    return markdown_table(heads, lines)


def _lost_points(runs: dict[str, Any], model: str, kind: str) -> float:
    """Return the accuracy of `default` minus that of a model, in points: the mean over the seeds that have both."""
    both = [run for run in runs.values() if model in run and "default" in run]
    return float(np.mean([100 * (run["default"][kind] - run[model][kind]) for run in both]))


def speed_table(results: Results) -> str:
    """Format figures by model, with the price of a million texts."""
    heads = ["task", "model", *_SPEED, "USD a million texts", "sources"]
    rows = []
    for task, models in results.items():
        for model, row in models.items():
            figures = row["median"]
            cells = [f"{figures[unit]:,.{digits}f}" for unit, digits in _SPEED.items()]
            price = figures["CPU s a million texts"] / 3600 * _USD_AN_HOUR
            cells += [f"{price:.2g}", row["made_by"]["sources"][:SHOWN]]
            rows.append([task, f"`{model}`", *cells])
    return markdown_table(heads, rows)


def scale_table(results: Results) -> str:
    """Format accuracy and figures by number of training texts and model."""
    heads = ["texts", "model", "accuracy (95 % interval)", *_SCALE, "sources"]
    rows = []
    for count, models in results.items():
        for model, row in models.items():
            low, high = row["accuracy_interval"]
            cells = [f"{row['accuracy']:.3f} ({low:.3f} to {high:.3f})"]
            cells += [f"{row['figures'][unit]:,.{digits}f}" for unit, digits in _SCALE.items()]
            cells.append(row["made_by"]["sources"][:SHOWN])
            rows.append([f"{int(count):,}", f"`{model}`", *cells])
    return markdown_table(heads, rows)


def recipes_table(results: Results) -> str:
    """Format what `train` gives for each task, beside the most accurate linear model."""
    rows = []
    for task, name in _RECIPES.items():
        models = dict(results.get(task, {}))
        ours = models.pop("default", None)
        if ours is None or not models:
            continue
        linear = max(models.values(), key=lambda row: row["accuracy"])
        low, high = ours["accuracy_interval"]
        rows.append(
            [
                name,
                f"{ours['texts']:,}",
                f"{ours['seconds']:.0f} s",
                f"{ours['megabytes']:.0f} MB",
                f"{ours['accuracy']:.3f} ({low:.3f} to {high:.3f})",
                f"{linear['accuracy']:.3f}",
            ]
        )
    heads = ["task", "texts", "time", "size", "accuracy (95 % interval)", "best linear SVC"]
    return markdown_table(heads, rows)


def read_few_labels_speeds() -> dict[str, float]:
    """Return the texts a second by model, of one run of `few_labels`."""
    rows = read_results(RESULTS / "few_labels_speed.json").get("sst2-100", {}).get("0", {})
    return {model: row["texts_a_second"] for model, row in rows.items()}


def languages_table(results: Results) -> str:
    """Format the accuracies on Chinese reviews: of three seeds, or three drawings."""
    rows = []
    for count, models in results.items():
        for model, row in models.items():
            accuracies = [f"{accuracy:.3f}" for accuracy in row["accuracies"]]
            mean = f"{np.mean(row['accuracies']):.3f}"
            rows.append([f"{int(count):,}", _LANGUAGES_MODELS[model], ", ".join(accuracies), mean])
    return markdown_table(["reviews", "model", "accuracies", "mean"], rows)


def make_tables() -> dict[str, str]:
    """Return the tables of the stored results, by name."""
    accuracy = read_results(RESULTS / "accuracy.json")
    ablation = read_results(RESULTS / "ablation.json")
    speed = read_results(RESULTS / "speed.json")
    scale = read_results(RESULTS / "scale.json")
    recipes = read_results(RESULTS / "recipes.json")
    few_labels = read_results(RESULTS / "few_labels.json")
    all_labels = read_results(RESULTS / "all_labels.json")
    speeds = read_few_labels_speeds()
    return {
        "accuracy_summary": accuracy_summary(accuracy),
        "cost_summary": cost_summary(speed, scale),
        "distilled": distilled_table(accuracy),
        "accuracy": accuracy_table(accuracy),
        "robustness": robustness_table(accuracy),
        "ablation": ablation_table(ablation),
        "speed": speed_table(speed),
        "scale": scale_table(scale),
        "recipes": recipes_table(recipes),
        "readme": readme_table(few_labels, all_labels, accuracy, speeds),
        "few_labels_summary": few_labels_summary(few_labels, speeds),
        "more_labels_summary": more_labels_summary(few_labels),
        "few_labels": few_labels_table(few_labels),
        "languages": languages_table(read_results(RESULTS / "languages.json")),
    }


def fill(page: str, tables: Mapping[str, str]) -> str:
    """Replace what stands between `<!-- NAME -->` and `<!-- end -->` by the tables."""
    for name, table in tables.items():
        text = f"<!-- {name} -->\n{table}<!-- end -->"
        page = re.sub(f"<!-- {name} -->.*?<!-- end -->", text, page, flags=re.S)
    return page


def main() -> None:
    """Draw the pictures and fill the pages."""
    accuracy = read_results(RESULTS / "accuracy.json")
    speed = read_results(RESULTS / "speed.json")
    scale = read_results(RESULTS / "scale.json")
    draw_accuracy(accuracy, speed, DOCS / "accuracy_speed.svg")
    draw_scale(scale, DOCS / "scale_training.svg")
    few_labels = read_results(RESULTS / "few_labels.json")
    draw_few_labels(few_labels, read_few_labels_speeds(), DOCS / "few_labels.svg")
    tables = make_tables()
    for page in PAGES:
        page.write_text(fill(page.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
