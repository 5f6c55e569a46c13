"""Tables and pictures of the stored results. `python -m benchmarks.tables` writes them into PAGES and docs/."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.records import SHOWN, markdown_table, read_results
from glove_lstm.evaluation.plots import BLUE, ORANGE
from glove_lstm.text.corruptions import CORRUPTIONS

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

# Tasks and models of the short tables of docs/benchmarks.md.
_SUMMARY_TASKS = {
    "titles": "titles",
    "recovery": "ReCOVery",
    "liar": "LIAR",
    "sst2": "SST-2",
    "trec": "TREC",
    "subj": "SUBJ",
    "left_out": "unseen corpora",
}
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
_FEW_LABELS_MODELS = {
    "tfidf_svc": "linear SVC, words",
    "tfidf_svc_cased_chars": "linear SVC, words and characters",
    "tfidf_logistic": "TF-IDF, logistic regression",
    "model2vec_logistic": "model2vec, logistic regression",
    "model2vec": "model2vec, fine-tuned",
    "svc_taught_MiniLM": "linear SVC, words and characters, taught by MiniLM",
    "glove_lstm": "glove-lstm, labels alone",
    "taught_MiniLM": "**glove-lstm, taught by MiniLM**",
    "taught_MPNet": "**glove-lstm, taught by MPNet**",
    "encoder_MiniLM": "MiniLM, tuned (the teacher)",
    "encoder_MPNet": "MPNet, tuned (the teacher)",
    "setfit": "SetFit on MiniLM",
}
# Rows of the README's table: the name in few_labels.json and all_labels.json, and the one in accuracy.json.
_README_MODELS = {
    "glove-lstm, taught by MiniLM": ("taught_MiniLM", None),
    "glove-lstm, labels alone": ("glove_lstm", "default"),
    "linear SVC, words and characters": ("tfidf_svc_cased_chars", "tfidf_svc_cased_chars"),
    "model2vec, logistic regression": ("model2vec_logistic", None),
    "model2vec, fine-tuned": ("model2vec", "model2vec"),
    "SetFit on MiniLM": ("setfit", None),
    "MiniLM, tuned (the teacher)": ("encoder_MiniLM", None),
}
_FEWEST_LABELS = 100  # in the README, in a table of its own and in the picture
_MORE_LABELS = (300, 1_000)  # in another table
_README_TASKS = ("sst2", "trec", "subj", "titles")
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
    tasks = [task for task in _SUMMARY_TASKS if task in results]
    best = {task: max(row["accuracy"]["mean"] for row in results[task].values()) for task in tasks}
    lines = []
    for model, name in _SUMMARY_MODELS.items():
        cells = []
        for task in tasks:
            row = results[task].get(model)
            cells.append("" if row is None else _accuracy_cell(row, best[task]))
        lines.append([name, *cells])
    return markdown_table(["", *(_SUMMARY_TASKS[task] for task in tasks)], lines)


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
            accuracy = _with_interval(row["accuracy"])
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


def _with_interval(measure: dict[str, Any]) -> str:
    return "{mean:.3f} ({low:.3f} to {high:.3f})".format(**measure)


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
                _with_interval(models["default"]["accuracy"]),
                name,
                _with_interval(models[teacher]["accuracy"]),
                _with_interval(models[model]["accuracy"]),
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
    tasks = [task for task in _SUMMARY_TASKS if task in results]
    lines = []
    for model, part in _PARTS.items():
        lost = [_lost_points(results[task], model, "plain") for task in tasks]
        cells = [f"{points:.1f}" for points in (*lost, np.mean(lost))]
        for kind in _ERRORS:
            with_errors = [_lost_points(results[task], model, kind) for task in tasks]
            cells.append(f"{np.mean(with_errors):.1f}")
        lines.append([part, *cells])
    heads = ["without", *(_SUMMARY_TASKS[task] for task in tasks), "mean", *_ERRORS.values()]
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


def few_labels_summary(results: dict[str, Any], speeds: dict[str, float]) -> str:
    """Format the mean accuracy over drawings with a hundred labels, by model and task, with size and texts a second."""
    cells_of = {
        cell: drawings
        for cell, drawings in _few_labels_cells(results).items()
        if cell[1] == _FEWEST_LABELS
    }
    lines = []
    for model, name in _FEW_LABELS_MODELS.items():
        rows = [
            rows_of[model]
            for drawings in cells_of.values()
            for rows_of in drawings
            if model in rows_of
        ]
        if rows:
            cells = [_mean_accuracy(drawings, model) for drawings in cells_of.values()]
            megabytes = np.median([row["megabytes"] for row in rows])
            lines.append([name, *cells, f"{megabytes:,.1f}", _speed(speeds, model)])
    heads = [_SUMMARY_TASKS[task] for task, _ in cells_of]
    return markdown_table(["", *heads, "MB", "texts/s"], lines)


def more_labels_summary(results: dict[str, Any]) -> str:
    """Format the mean accuracy over drawings with 300 and 1,000 labels, by model, task and number of labels."""
    cells_of = {
        cell: drawings
        for cell, drawings in _few_labels_cells(results).items()
        if cell[1] in _MORE_LABELS
    }
    lines = []
    for model, name in _FEW_LABELS_MODELS.items():
        cells = [_mean_accuracy(drawings, model) for drawings in cells_of.values()]
        if any(cells):
            lines.append([name, *cells])
    heads = [f"{_SUMMARY_TASKS[task]}, {count:,}" for task, count in cells_of]
    return markdown_table(["", *heads], lines)


def _mean_accuracy(drawings: list[Any], model: str) -> str:
    """Format the mean accuracy of a model over drawings: in parentheses if some are missing, empty if all are."""
    accuracies = [rows_of[model]["accuracy"] for rows_of in drawings if model in rows_of]
    if not accuracies:
        return ""
    mean = f"{np.mean(accuracies):.3f}"
    return mean if len(accuracies) == len(drawings) else f"({mean})"


def _speed(speeds: dict[str, float], model: str) -> str:
    """Format the texts a second of a model; empty if they are not measured."""
    return f"{speeds[model]:,.0f}" if model in speeds else ""


def read_few_labels_speeds() -> dict[str, float]:
    """Return the texts a second by model, of one run of `few_labels`."""
    rows = read_results(RESULTS / "few_labels_speed.json").get("sst2-100", {}).get("0", {})
    return {model: row["texts_a_second"] for model, row in rows.items()}


def readme_table(
    few_labels: dict[str, Any],
    all_labels: dict[str, Any],
    accuracy: Results,
    speeds: dict[str, float],
) -> str:
    """Format the accuracy with a hundred labels and with all labels, with size and speed. The highest is bold."""
    few_of = {
        task: drawings
        for (task, count), drawings in _few_labels_cells(few_labels).items()
        if count == _FEWEST_LABELS
    }
    all_of = {task: drawings for (task, _), drawings in _few_labels_cells(all_labels).items()}
    heads = [""]
    columns = []
    for task in _README_TASKS:
        heads += [f"{_SUMMARY_TASKS[task]}, {_FEWEST_LABELS}", "all"]
        with_few = []
        with_all = []
        for name, elsewhere in _README_MODELS.values():
            with_few.append(_mean_accuracy(few_of.get(task, []), name))
            row = accuracy.get(task, {}).get(elsewhere or "")
            if row is None:
                with_all.append(_mean_accuracy(all_of.get(task, []), name))
            else:
                with_all.append(f"{row['accuracy']['mean']:.3f}")
        columns += [_bold_highest(with_few), _bold_highest(with_all)]
    lines = []
    for number, (heading, (name, _)) in enumerate(_README_MODELS.items()):
        sizes = [
            rows[name]["megabytes"]
            for drawings in few_of.values()
            for rows in drawings
            if name in rows
        ]
        if sizes:
            megabytes = np.median(sizes)
            size = f"{megabytes:,.0f}" if megabytes >= 1 else f"{megabytes:.1f}"
            cells = [column[number] for column in columns]
            lines.append([heading, *cells, size, _speed(speeds, name)])
    return markdown_table([*heads, "MB", "texts/s"], lines)


def _bold_highest(cells: Sequence[str]) -> list[str]:
    """Set the highest number in bold; cells may be empty, or in parentheses."""
    complete = [cell for cell in cells if cell and not cell.startswith("(")]
    highest = max(complete, key=float, default=None)
    return [f"**{cell}**" if cell == highest else cell for cell in cells]


def few_labels_table(results: dict[str, Any]) -> str:
    """Format accuracy with intervals over texts and drawings, and what else was measured."""
    heads = ["task", "labels", "model", "accuracy (95 % interval)", "by drawing", "log loss"]
    heads += ["calibration error", "CPU s to train", "sources"]
    lines = []
    for (task, count), drawings in _few_labels_cells(results).items():
        for model in _FEW_LABELS_MODELS:
            rows = [rows_of[model] for rows_of in drawings if model in rows_of]
            if not rows:
                continue
            right = np.array([[float(digit) for digit in row["right"]] for row in rows])
            by_drawing = " ".join(f"{row['accuracy']:.3f}" for row in rows)
            cells = [task, f"{count:,}", f"`{model}`", _with_interval(_normal_interval(right))]
            cells += [by_drawing, f"{np.mean([row['log_loss'] for row in rows]):.3f}"]
            calibration_error = ""
            if all("ece" in row for row in rows):
                calibration_error = f"{np.mean([row['ece'] for row in rows]):.3f}"
            cells.append(calibration_error)
            cells.append(f"{max(row['cpu_seconds'] for row in rows):,.0f}")
            # Rows of before December 2026 do not say what made them.
            sources = {row["made_by"]["sources"][:SHOWN] for row in rows if "made_by" in row}
            cells.append(" ".join(sorted(sources)))
            lines.append(cells)
    return markdown_table(heads, lines)


def _normal_interval(right: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean of (drawings, texts), with a 95 % interval that adds the variances of drawings and of texts."""
    drawings, texts = right.shape
    variance = right.mean(axis=0).var() / texts
    if drawings > 1:
        variance += right.mean(axis=1).var(ddof=1) / drawings
    half = 1.96 * variance**0.5
    mean = right.mean()
    return {"mean": mean, "low": mean - half, "high": mean + half}


def _few_labels_cells(results: dict[str, Any]) -> dict[tuple[str, int], list[Any]]:
    """Return the drawings by task and number of labels."""
    cells = {}
    for name, drawings in results.items():
        task, _, count = name.partition("-")
        if count.isdecimal():
            cells[task, int(count)] = list(drawings.values())
    tasks = list(_SUMMARY_TASKS)
    return dict(sorted(cells.items(), key=lambda item: (tasks.index(item[0][0]), item[0][1])))


# Pictures are as wide as the screen of a phone, and have no ground of their own, which may be light or dark.
_GREY = "#808080"  # can be read on white and on black
_ON_ANY_GROUND = {
    **{f"{part}.color": _GREY for part in ("text", "xtick", "ytick")},
    **{f"axes.{part}color": _GREY for part in ("edge", "label", "title")},
    "savefig.transparent": True,
    "font.size": 11,
}
_DRAWN_TASKS = ("sst2", "trec")  # of few labels
# Points: the name, and where it stands.
_DRAWN_FEW_LABELS = {
    "tfidf_svc_cased_chars": ("linear SVC", "left"),
    "model2vec": ("model2vec", "left"),
    "glove_lstm": ("labels alone", "right"),
    "taught_MiniLM": ("taught by MiniLM", "right"),
    "encoder_MiniLM": ("MiniLM", "right"),
    "setfit": ("SetFit", "left"),
}
_DRAWN_MODELS = {
    "default": ("glove-lstm", "right"),
    "tfidf_svc_cased": ("linear SVC", "left"),
    "fasttext": ("fastText", "right"),
    "minilm_logistic": ("MiniLM, embeddings", "right"),
    "minilm_finetuned": ("MiniLM, fine-tuned", "right"),
}
# Where a name stands: its offset in points, and how it is aligned.
_PLACES = {
    "right": ((7, 0), "left", "center"),
    "left": ((-7, 0), "right", "center"),
    "above": ((7, 6), "left", "center"),
    "below": ((7, -6), "left", "center"),
}
_OURS = ("glove-lstm", "labels alone", "taught by MiniLM")


def draw_few_labels(results: dict[str, Any], speeds: dict[str, float], path: Path) -> None:
    """Draw accuracy with a hundred labels against speed on one processor, a panel for each of two tasks."""
    with rc_context(_ON_ANY_GROUND):
        figure = Figure(figsize=(5, 5.5), layout="constrained")
        panels = figure.subplots(len(_DRAWN_TASKS), 1, sharex=True)
        for panel, task in zip(panels, _DRAWN_TASKS, strict=True):
            drawings = results.get(f"{task}-{_FEWEST_LABELS}", {}).values()
            for model, (name, place) in _DRAWN_FEW_LABELS.items():
                rows = [rows_of[model] for rows_of in drawings if model in rows_of]
                if rows and model in speeds:
                    mean = float(np.mean([row["accuracy"] for row in rows]))
                    _draw_named_point(panel, speeds[model], mean, name, place)
            title = f"{_SUMMARY_TASKS[task]}, {_FEWEST_LABELS} labels"
            panel.set(title=title, ylabel="accuracy", xscale="log", xlim=(10, 3e6))
            panel.margins(y=0.15)
        panels[-1].set(xlabel="texts a second, one processor")
        _save(figure, path)


def _draw_named_point(panel: Axes, x: float, y: float, name: str, place: str) -> None:
    colour = ORANGE if name in _OURS else BLUE
    offset, horizontal, vertical = _PLACES[place]
    panel.plot(x, y, "o", color=colour)
    panel.annotate(
        name,
        (x, y),
        xytext=offset,
        textcoords="offset points",
        horizontalalignment=horizontal,
        verticalalignment=vertical,
        color=colour,
    )


def draw(accuracy: Results, speed: Results, path: Path) -> None:
    """Draw accuracy against speed on one processor, of models that have both figures."""
    tasks = ("titles", "recovery")
    with rc_context(_ON_ANY_GROUND):
        figure = Figure(figsize=(5, 5.5), layout="constrained")
        panels = figure.subplots(len(tasks), 1, sharex=True)
        for panel, task in zip(panels, tasks, strict=True):
            both = speed.get(task, {}).keys() & accuracy.get(task, {}).keys()
            for model in sorted(both & _DRAWN_MODELS.keys()):
                measure = accuracy[task][model]["accuracy"]
                texts_a_second = speed[task][model]["median"]["texts/s"]
                below = measure["mean"] - measure["low"]
                above = measure["high"] - measure["mean"]
                panel.errorbar(
                    texts_a_second, measure["mean"], [[below], [above]], color=_colour(model)
                )
                _draw_named_point(panel, texts_a_second, measure["mean"], *_DRAWN_MODELS[model])
            panel.set(title=_SUMMARY_TASKS[task], ylabel="accuracy", xscale="log", xlim=(1, 2e6))
            panel.margins(y=0.15)
        panels[-1].set(xlabel="texts a second, one processor")
        _save(figure, path)


def draw_scale(results: Results, path: Path) -> None:
    """Draw the cost of training and the accuracy against the number of training texts."""
    models = sorted({model for row in results.values() for model in row} & _DRAWN_MODELS.keys())
    with rc_context(_ON_ANY_GROUND):
        figure = Figure(figsize=(5, 5.5), layout="constrained")
        cost, accuracy = figure.subplots(2, 1, sharex=True)
        for model in models:
            rows = {int(count): row[model] for count, row in results.items() if model in row}
            counts = sorted(rows)
            seconds = [rows[count]["figures"]["CPU s to train"] for count in counts]
            cost.plot(counts, seconds, color=_colour(model))
            means = np.array([rows[count]["accuracy"] for count in counts])
            intervals = np.array([rows[count]["accuracy_interval"] for count in counts])
            accuracy.errorbar(counts, means, np.abs(intervals.T - means), color=_colour(model))
            name, _ = _DRAWN_MODELS[model]
            _draw_named_point(cost, counts[-1], seconds[-1], name, "right")
            # The two best lines end in nearly the same point.
            place = "above" if model == "default" else "below"
            _draw_named_point(accuracy, counts[-1], float(means[-1]), name, place)
        cost.set(ylabel="CPU s to train", xscale="log", yscale="log", xlim=(700, 3e6))
        accuracy.set(ylabel="accuracy", xlabel="training texts", xscale="log")
        _save(figure, path)


def _colour(model: str) -> str:
    return ORANGE if model == "default" else BLUE


def _save(figure: Figure, path: Path) -> None:
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": ""}):  # the same file each time
        figure.savefig(path, metadata={"Date": None})


def languages_table(results: Results) -> str:
    """Format the accuracies on Chinese reviews: of three seeds, or three drawings."""
    rows = []
    for count, models in results.items():
        for model, row in models.items():
            accuracies = [f"{accuracy:.3f}" for accuracy in row["accuracies"]]
            mean = f"{np.mean(row['accuracies']):.3f}"
            rows.append([f"{int(count):,}", _LANGUAGES_MODELS[model], ", ".join(accuracies), mean])
    return markdown_table(["reviews", "model", "accuracies", "mean"], rows)


def fill(page: str) -> str:
    """Replace what stands between `<!-- NAME -->` and `<!-- end -->` by the tables of the stored results."""
    accuracy = read_results(RESULTS / "accuracy.json")
    ablation = read_results(RESULTS / "ablation.json")
    speed = read_results(RESULTS / "speed.json")
    scale = read_results(RESULTS / "scale.json")
    recipes = read_results(RESULTS / "recipes.json")
    few_labels = read_results(RESULTS / "few_labels.json")
    all_labels = read_results(RESULTS / "all_labels.json")
    speeds = read_few_labels_speeds()
    tables = {
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
    for name, table in tables.items():
        text = f"<!-- {name} -->\n{table}<!-- end -->"
        page = re.sub(f"<!-- {name} -->.*?<!-- end -->", text, page, flags=re.S)
    return page


def main() -> None:
    """Draw the pictures and fill the pages."""
    accuracy = read_results(RESULTS / "accuracy.json")
    speed = read_results(RESULTS / "speed.json")
    scale = read_results(RESULTS / "scale.json")
    draw(accuracy, speed, DOCS / "accuracy_speed.svg")
    draw_scale(scale, DOCS / "scale_training.svg")
    few_labels = read_results(RESULTS / "few_labels.json")
    draw_few_labels(few_labels, read_few_labels_speeds(), DOCS / "few_labels.svg")
    for page in PAGES:
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
