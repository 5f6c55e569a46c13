"""Tables and pictures of the stored results. `python -m benchmarks.tables` writes them into PAGES and docs/."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.few_labels_tables import (
    few_labels_summary,
    few_labels_table,
    more_labels_summary,
)
from benchmarks.field import README_SETS, SETS, field_table
from benchmarks.pictures import draw_accuracy, draw_few_labels
from benchmarks.records import TASK_NAMES, made_by, markdown_table, read_results, with_interval

Results = dict[str, dict[str, dict[str, Any]]]  # task -> model -> measure

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = Path(__file__).parent / "results"
PAGES = (
    DOCS.parent / "README.md",
    RESULTS / "README.md",
    DOCS / "benchmarks.md",
    DOCS / "howto" / "few_texts.md",
)
_SPEED = {  # unit -> digits
    "texts/s": 0,
    "ms for one text": 2,
    "s to the first label": 2,
    "MB of memory": 0,
    "MB on disk": 0,
    "CPU s a million texts": 0,
}
_TRAINING = {"CPU s to train": 1, "s to train": 1, "MB of memory": 0}

# Models of the short tables of docs/benchmarks.md.
_SUMMARY_MODELS = {
    "default": "`default`",
    "article": "`article`",
    "keras_article": "published recipe in Keras",
    "tfidf_svc_cased": "linear SVC, words",
    "tfidf_svc_cased_chars": "linear SVC, words and characters",
    "svc_characters": "linear SVC, one to three characters",
    "fasttext": "fastText",
    "model2vec": "model2vec, fine-tuned",
    "minilm_logistic": "MiniLM-L6 embeddings, logistic regression",
    "minilm_finetuned": "MiniLM-L6, fine-tuned",
    "mpnet_finetuned": "MPNet, fine-tuned",
    "majority": "majority class",
}
_COST_MODELS = {
    "default": "`default`, light runtime",
    "pipeline": "`default`, transformers pipeline",
    "tfidf_svc_cased": "linear SVC, words",
    "fasttext": "fastText",
    "minilm_logistic": "MiniLM-L6 embeddings, logistic regression",
}
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


def cost_summary(speed: Results) -> str:
    """Format what a model costs: speed on headlines and articles, memory, disk, training on 10,000 headlines."""
    heads = ["", "headlines/s", "articles/s", "ms for one headline", "s to the first label"]
    heads += ["MB of memory", "MB on disk", "CPU s to train on 10,000 headlines"]
    lines = []
    for model, name in _COST_MODELS.items():
        headlines, articles, training = (
            speed.get(case, {}).get(model, {}).get("median", {})
            for case in ("titles", "recovery", "10,000 headlines")
        )
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
    heads += ["calibration error", "training, CPU s", "seeds", "commit, date"]
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
                made_by([row]),
            ]
            lines.append(cells)
    return markdown_table(heads, lines)


def _mean(row: dict[str, Any], measure: str, digits: int) -> str:
    """Format the mean of a measure; empty if it is not measured."""
    if measure not in row:
        return ""
    return f"{row[measure]['mean']:,.{digits}f}"


def speed_table(results: Results) -> str:
    """Format figures by model, with the price of a million texts."""
    heads = ["task", "model", *_SPEED, "USD a million texts", "commit, date"]
    rows = []
    for task, models in results.items():
        for model, row in models.items():
            figures = row["median"]
            if "texts/s" in figures:  # else it is a training
                cells = [_figure(figures, unit, digits) for unit, digits in _SPEED.items()]
                price = figures["CPU s a million texts"] / 3600 * _USD_AN_HOUR
                rows.append([task, f"`{model}`", *cells, f"{price:.2g}", made_by([row])])
    return markdown_table(heads, rows)


def training_table(results: Results) -> str:
    """Format the figures of trainings by number of headlines."""
    heads = ["texts", "model", "accuracy (95 % interval)", *_TRAINING, "commit, date"]
    rows = []
    for case, models in results.items():
        for model, row in models.items():
            figures = row["median"]
            if "CPU s to train" in figures:
                low, high = row["accuracy_interval"]
                accuracy = f"{row['accuracy']:.3f} ({low:.3f} to {high:.3f})"
                cells = [_figure(figures, unit, digits) for unit, digits in _TRAINING.items()]
                rows.append([case, f"`{model}`", accuracy, *cells, made_by([row])])
    return markdown_table(heads, rows)


def read_few_labels_speeds() -> dict[str, float]:
    """Return the texts a second by model, measured one model after another."""
    rows = read_results(RESULTS / "few_labels_speed.json").get("sst2-100", {}).get("0", {})
    return {model: row["texts_a_second"] for model, row in rows.items()}


def make_tables() -> dict[str, str]:
    """Return the tables of the stored results, by name."""
    accuracy = read_results(RESULTS / "accuracy.json")
    speed = read_results(RESULTS / "speed.json")
    few_labels = read_results(RESULTS / "few_labels.json")
    field = read_results(RESULTS / "field.json")
    speeds = read_few_labels_speeds()
    return {
        "accuracy_summary": accuracy_summary(accuracy),
        "cost_summary": cost_summary(speed),
        "accuracy": accuracy_table(accuracy),
        "speed": speed_table(speed),
        "training": training_table(speed),
        "readme": field_table(field, README_SETS),
        "field": field_table(field, SETS),
        "few_labels_summary": few_labels_summary(few_labels, speeds),
        "more_labels_summary": more_labels_summary(few_labels),
        "few_labels": few_labels_table(few_labels),
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
    draw_accuracy(accuracy, speed, DOCS / "accuracy_speed.svg")
    few_labels = read_results(RESULTS / "few_labels.json")
    draw_few_labels(few_labels, read_few_labels_speeds(), DOCS / "few_labels.svg")
    tables = make_tables()
    for page in PAGES:
        page.write_text(fill(page.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
