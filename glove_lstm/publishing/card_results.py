"""The sections of the model card on measurements: functions from a training to Markdown, empty if not measured."""

from glove_lstm.checkpoint import THUMBNAIL_NAME
from glove_lstm.evaluation.baselines import DESCRIPTIONS as BASELINES
from glove_lstm.evaluation.robustness import DESCRIPTIONS as PERTURBATIONS
from glove_lstm.publishing.card_markdown import (
    accuracy_interval,
    count,
    figure,
    measured_figure,
    paragraphs,
    plain,
    table,
)
from glove_lstm.publishing.card_run import CardRun

# Columns of the first table.
_COLUMNS = (
    "texts",
    "number",
    "accuracy",
    "95 % interval",
    "best linear model",
    "majority class",
)
# Column -> the measure in metrics.json. Macro recall is the balanced accuracy.
_MORE_MEASURES = {
    "balanced accuracy": "recall",
    "macro F1": "f1",
    "macro precision": "precision",
    "Matthews correlation": "mcc",
    "ROC AUC": "roc_auc",
    "calibration error": "ece",
    "Brier score": "brier",
}
_PLOTS = {
    "curves.png": "Loss and accuracy by epoch of training",
    "confusion.png": "Confusion matrix: texts by their label and the predicted one",
    "reliability.png": "Accuracy against score: on the diagonal, a score is a probability",
}


def results(run: CardRun) -> str:
    """Return the first table of the card: accuracies beside the best baseline, and what they were measured on."""
    if not run.split and not run.other_data:
        return "Not measured."
    rows = []
    for name, measures in run.measured.items():
        is_extra_split = name == "validation" and run.split == "test"
        if not is_extra_split:
            row = [
                run.title(name),
                count(measures["rows"]),
                figure(measures["accuracy"]),
                accuracy_interval(measures),
                _best_baseline(run, name),
                figure(measures["majority_share"]),
            ]
            rows.append(row)
    note = run.metrics.get("card", {}).get("results_note", "")
    return paragraphs(table(_COLUMNS, rows), _about_rows(run), note, _label_sets(run))


def _best_baseline(run: CardRun, data: str) -> str:
    """Return the accuracy of the linear model that is the most accurate on a split or on other data."""
    accuracies = []
    for baseline, measured in run.baselines.items():
        if baseline != "majority" and data in measured:
            accuracies.append(measured[data]["accuracy"])
    if not accuracies:
        return "not measured"
    return figure(max(accuracies))


def _about_rows(run: CardRun) -> str:
    """Tell whether the training used the texts of the first table, and what its baseline is."""
    sentences = []
    if run.split == "test":
        sentences.append(_about_test_texts(run))
    elif run.split == "validation":
        sentences.append(_about_validation_texts(run))
    if run.other_data:
        sentences.append("The training did not use the other data.")
    if run.baselines:
        sentences.append('The best linear model is the most accurate one under "Baselines".')
    return " ".join(sentences)


def _about_test_texts(run: CardRun) -> str:
    measures = run.metrics["test"]
    text = f"The {count(measures['rows'])} test texts were held out"
    # `seen` is missing if a part of the training texts is unknown.
    seen = measures.get("seen")
    if seen:
        return f"{text}, but the training used {count(seen)} of them, so the figures are too good."
    if seen is None and run.about.get("fine_tuned_from"):
        return f"{text}, but the checkpoint where training started may have used some of them."
    return f"{text}: the training did not use them."


def _about_validation_texts(run: CardRun) -> str:
    about = run.about
    measures = run.metrics["validation"]
    text = f"Measured on {count(measures['rows'])} validation texts"
    if run.refitted:
        text += " with a first model, which did not train on them"
    elif measures.get("seen"):
        text += f", of which the training used {count(measures['seen'])}"
    text += f". They also chose {run.chosen_on_validation}, so the figures are optimistic."
    if about.get("known_before"):
        known = count(about["known_before"])
        text += f" The checkpoint where training started knew {known} of these texts, so the figures are too good."
    elif about.get("fine_tuned_from") and "known_before" not in about:
        text += " The checkpoint where training started may have known some of these texts."
    return text


def _label_sets(run: CardRun) -> str:
    """Explain the measures of a multi-label model, the only one with `micro_f1`; empty for others."""
    measures = run.metrics.get(run.split, {})
    if "micro_f1" not in measures:
        return ""
    thresholds = []
    for label, of_label in measures["by_label"].items():
        thresholds.append(f"{plain(label)} {figure(of_label['threshold'])}")
    origin = ""
    if run.config.get("thresholds"):
        origin = ", fitted for F1 on the validation texts (`thresholds` in config.json)"
    return (
        "A text may have several labels, or none. Accuracy is the share of texts whose labels are all correct. "
        f"Macro F1 {figure(measures['f1'])}, micro F1 {figure(measures['micro_f1'])}.\n"
        f"Scores are sigmoids; a text gets each label whose score reaches its threshold{origin}: "
        f"{', '.join(thresholds)}."
    )


def more_measures(run: CardRun) -> str:
    """Return a table of the other measures of all texts."""
    rows = []
    for name, measures in run.measured.items():
        figures = [measured_figure(measures, measure) for measure in _MORE_MEASURES.values()]
        rows.append([run.title(name), *figures])
    if not rows:
        return ""
    note = "The calibration error is the expected one, over 15 bins of equal width."
    return paragraphs(table(["texts", *_MORE_MEASURES], rows), note)


def baselines(run: CardRun) -> str:
    """Return a table of the accuracies of all baselines."""
    rows = []
    for name in run.measured:
        for baseline, measured in run.baselines.items():
            if name in measured:
                measures = measured[name]
                row = [run.title(name), BASELINES[baseline]]
                row += [figure(measures["accuracy"]), accuracy_interval(measures)]
                rows.append(row)
    if not rows:
        return ""
    return table(["texts", "baseline", "accuracy", "95 % interval"], rows)


def sources(run: CardRun) -> str:
    """Return a table of validation texts by their source, none of which the measured model was trained on."""
    if not run.has_unseen_sources or not run.metrics["validation"].get("by_source"):
        return ""
    training_texts = "the training texts"
    if run.refitted:
        training_texts = "the training texts of the first model"
    text = (
        f"Measured on the validation texts. No text of their recorded sources is in {training_texts}. "
        f"The validation texts also chose {run.chosen_on_validation}."
    )
    rows = []
    for source, measures in run.metrics["validation"]["by_source"].items():
        balanced_accuracy = "lacks a label"
        roc_auc = ""
        if "roc_auc" in measures:
            balanced_accuracy = figure(measures["balanced_accuracy"])
            roc_auc = figure(measures["roc_auc"])
        accuracy = figure(measures["accuracy"])
        rows.append([source, count(measures["rows"]), accuracy, balanced_accuracy, roc_auc])
    columns = ["corpus, or corpus and source", "number", "accuracy", "balanced accuracy", "ROC AUC"]
    return paragraphs(text, table(columns, rows))


def calibration(run: CardRun) -> str:
    """Tell how scores are calibrated, where the calibration is worse, and what a threshold for scores does."""
    if not run.split:
        return ""
    return paragraphs(_calibrated_logits(run), _worse_calibrated(run), _coverage(run))


def _calibrated_logits(run: CardRun) -> str:
    """Describe how the calibrated logits are computed, and to which texts the values were fitted."""
    added = _added_ngram_logits(run)
    divided = f"divided by a temperature of {run.about['temperature']:.3f}"
    multiplied = ""
    if run.about.get("shrinkage"):
        factor = f"n / (n + {run.about['shrinkage']:g})"
        multiplied = f" and, in a text of n known words, multiplied by {factor}"
    fitted = _calibrated_on(run)
    if added:
        return f"{added} The sum is {divided}{multiplied} ({fitted})."
    return f"Logits are {divided}{multiplied} ({fitted})."


def _added_ngram_logits(run: CardRun) -> str:
    """Describe the sum of the logits of both parts of the model; empty if the n-grams do not count."""
    weight = run.about.get("ngram_weight")
    if not weight:
        return ""
    text = (
        f"The logits of the n-gram classifier, times {weight:.3f}, are added to the LSTM's logits."
    )
    length = run.config.get("lstm_length")
    if length:
        text += f" In texts of more than {length} tokens, the LSTM's logits are first scaled by {length} / tokens."
    return text


def _calibrated_on(run: CardRun) -> str:
    if not run.validated:
        if run.distillation and run.distillation["held_out"]:
            return "fitted to the scores of the teachers"
        return "not fitted"
    if run.refitted:
        return "fitted on the validation texts with a first model, which did not train on them"
    return "fitted on the validation texts"


def _worse_calibrated(run: CardRun) -> str:
    """Name the texts on which the calibration error is larger than on the texts most like new data."""
    reference_error = run.metrics[run.reference_split]["ece"]
    worse = []
    for name, measures in run.measured.items():
        if name != run.reference_split and measures["ece"] > reference_error:
            worse.append(run.title(name))
    if not worse:
        return ""
    return f"Calibration is worse than on the {run.reference_split} texts on: {', '.join(worse)}."


def _coverage(run: CardRun) -> str:
    levels = run.metrics[run.reference_split].get("coverage")
    if not levels:
        return ""
    model = ""
    if run.refitted and run.reference_split == "validation":
        model = ", with the first model"
    text = (
        "Texts with a low score can be left without a label. "
        f"On the {run.reference_split} texts{model}:"
    )
    rows = []
    for level in levels:
        threshold = figure(level["threshold"])
        rows.append([threshold, f"{level['coverage']:.1%}", figure(level["accuracy"])])
    columns = ["label only scores of at least", "texts labelled", "accuracy of their labels"]
    remark = "On other data, these figures differ."
    if run.other_data:
        remark = "On other data, these figures differ (`coverage` in metrics.json)."
    return paragraphs(text, table(columns, rows), remark)


def robustness(run: CardRun) -> str:
    """Return a table of the accuracy on altered test texts."""
    measured = run.metrics.get("robustness")
    if not measured:
        return ""
    rows = []
    for name, description in {"clean": "as they are", **PERTURBATIONS}.items():
        measures = measured[name]
        rows.append([description, figure(measures["accuracy"]), accuracy_interval(measures)])
    remark = "Rewriting, translation and texts written by a machine: not measured."
    return paragraphs(table(["test texts", "accuracy", "95 % interval"], rows), remark)


def thumbnail(run: CardRun) -> str:
    """Return the picture of the model, if the checkpoint has one."""
    if not run.has_thumbnail:
        return ""
    return f"![Two titles with their scores and the words that count for a label]({THUMBNAIL_NAME})"


def plots(run: CardRun) -> str:
    """Return the plots that the checkpoint has, and what they show."""
    images = []
    for name, title in _PLOTS.items():
        if name == "curves.png" and run.refitted:
            title += " of the first model"
        if (run.folder / "plots" / name).is_file():
            images.append(f"![{title}](plots/{name})")
    if len(images) > 1:
        images.insert(0, 'The plots of scores show the texts in the first row under "Results".')
    return paragraphs(*images)


def examples(run: CardRun) -> str:
    """Return a table of invented titles and their predicted labels."""
    labelled = run.metrics.get("examples")
    if not labelled:
        return ""
    rows = []
    errors = 0
    for example in labelled:
        error = ""
        if example["label"] != example["style"]:
            error = "error"
            errors += 1
        score = f"{example['score']:.2f}"
        rows.append([example["text"], example["style"], example["label"], score, error])
    verb = "is" if errors == 1 else "are"
    text = (
        f"Of {len(labelled)} invented titles, {errors} {verb} labelled wrongly. "
        "Each is in the style of one kind of source. They are too few to measure anything."
    )
    return paragraphs(text, table(["invented title", "style of", "label", "score", ""], rows))
