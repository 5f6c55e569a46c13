"""Fill `model_card.md` from what was measured; what was not measured says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from glove_lstm.evaluation.baselines import DESCRIPTIONS

NOT_MEASURED = "Not measured."
_TEMPLATE = "model_card.md"


@dataclass(frozen=True)
class CardTexts:
    """What no file of measurements knows.

    Attributes:
        model_name: The card's title.
        repo_id: Where it will be found.
        revision: The commit to pin; "main" until there is one.
        data_description: What it was trained on.
        data_citation: Whom to cite for it.
        datasets: Ids for the card's metadata.
        license: Of the weights.
        widget: Examples, in our own words.
    """

    model_name: str = "GloVe+LSTM"
    repo_id: str = "user/glove-lstm"
    revision: str = "COMMIT"
    data_description: str = ""
    data_citation: str = ""
    datasets: tuple[str, ...] = ()
    license: str = "apache-2.0"
    widget: tuple[str, ...] = (
        "Senate passes budget bill after late-night vote",
        "You won't BELIEVE what they are hiding from you!!!",
        "Mayor answers questions about the new bridge",
    )


def find_template() -> Path:
    """The template: at the top of a clone, inside the package in a wheel."""
    here = Path(__file__).resolve()
    for folder in (here.parents[1], here.parent):
        if (folder / _TEMPLATE).is_file():
            return folder / _TEMPLATE
    raise FileNotFoundError(f"{_TEMPLATE} is neither beside the folders of a clone nor in the installed package")


def fill_card(metrics: Mapping[str, Any], config: Mapping[str, Any], megabytes: float, texts: CardTexts) -> ModelCard:
    """The card of a checkpoint.

    Args:
        metrics: As in `metrics.json`.
        config: As in `config.json`.
        megabytes: Size of the checkpoint's files, in 10**6 bytes.
        texts: The rest.
    """
    about = metrics["about"]
    names = [config["id2label"][key] for key in sorted(config["id2label"], key=int)]
    said = about["arguments"]
    shown = _shown_split(metrics)
    data = ModelCardData(
        language="en",
        license=texts.license,
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["glove", "lstm", "fake-news", "custom_code"],
        datasets=list(texts.datasets) or None,
        metrics=["accuracy", "f1", "matthews_correlation"],
        model_name=texts.model_name,
        eval_results=_eval_results(metrics) if shown else None,
        widget=[{"text": text} for text in texts.widget],
    )
    return ModelCard.from_template(
        data,
        template_path=str(find_template()),
        model_name=texts.model_name,
        label_list=", ".join(names),
        first_label=names[0],
        last_label=names[-1],
        shape=_shape(config),
        parameters=f"{about['parameters']:,}",
        megabytes=f"{megabytes:.1f}",
        repo_id=texts.repo_id,
        revision=texts.revision,
        max_length=said.get("max_seq_length") or "the tokenizer's `model_max_length`",
        truncation="their beginning is kept" if said.get("truncation_side") != "left" else "their end is kept",
        data_description=texts.data_description or about["data"],
        data_citation=texts.data_citation,
        procedure=_procedure(about),
        results=_results(metrics, shown),
        calibration=_calibration(metrics, shown),
        other_results=_other_results(metrics),
        cost=_cost(about),
        glove=about.get("glove", "those of the checkpoint that training went on with"),
    )


def write_card(folder: Path, texts: CardTexts) -> None:
    """Write README.md into a checkpoint's folder, from the files in it."""
    import json

    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    size = sum(p.stat().st_size for p in folder.iterdir() if p.suffix in (".safetensors", ".json"))
    fill_card(metrics, config, size / 1e6, texts).save(folder / "README.md")


def _shown_split(metrics: Mapping[str, Any]) -> str | None:
    return next((split for split in ("test", "validation") if split in metrics), None)


def _shape(config: Mapping[str, Any]) -> str:
    direction = "bidirectional LSTM" if config["bidirectional"] else "LSTM"
    vectors = "frozen" if config["freeze_embeddings"] else "trained"
    shapes = " and word shapes" if config["type_embedding_size"] else ""
    return (
        f"GloVe vectors of {config['embedding_size']} dimensions ({vectors}){shapes}, "
        f"{config['num_hidden_layers']}-layer {direction} of {config['hidden_size']} units, "
        f"{' + '.join(config['pooling'])} pooling, dense {config['classifier_hidden_size']}"
    )


def _procedure(about: Mapping[str, Any]) -> str:
    rows = ", ".join(f"{count:,} {split}" for split, count in about["rows"].items())
    lines = [
        f"Preset `{about['preset']}` of glove-lstm {about['versions']['glove_lstm']} (transformers "
        f"{about['versions']['transformers']}, torch {about['versions']['torch']}); texts: {rows}.",
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in about["arguments"].items()),
    ]
    return "\n".join(lines)


def _results(metrics: Mapping[str, Any], shown: str | None) -> str:
    if shown is None:
        return NOT_MEASURED
    found = metrics[shown]
    kept = {
        "validation": "the validation texts, which also chose the epoch and the temperature: optimistic",
        "test": "test texts, looked at once",
    }[shown]
    lines = [
        f"On {found['rows']:,} {kept}.",
        "",
        "| model | accuracy | 95 % interval |",
        "|---|---|---|",
        f"| this one | {found['accuracy']:.4f} | {_interval(found)} |",
    ]
    for name, baseline in metrics.get("baselines", {}).items():
        if shown in baseline:
            other = baseline[shown]
            lines.append(f"| {DESCRIPTIONS[name]} | {other['accuracy']:.4f} | {_interval(other)} |")
    if "baselines" not in metrics:
        lines.append(f"| majority class of these texts | {found['majority_share']:.4f} | |")
    lines += [
        "",
        f"Macro F1 {found['f1']:.4f}, precision {found['precision']:.4f}, recall {found['recall']:.4f}, Matthews "
        f"correlation {found['mcc']:.4f}, ROC AUC {found['roc_auc']:.4f}.",
    ]
    return "\n".join(lines)


def _calibration(metrics: Mapping[str, Any], shown: str | None) -> str:
    if shown is None:
        return NOT_MEASURED
    found = metrics[shown]
    return (
        f"Logits are divided by a temperature of {metrics['about']['temperature']:.3f}, fitted on the validation texts. "
        f"Expected calibration error (15 equal-width bins) {found['ece']:.4f}, Brier score {found['brier']:.4f} on the "
        f"{shown} texts. On other data the scores are too sure."
    )


def _other_results(metrics: Mapping[str, Any]) -> str:
    others = metrics.get("other_data", {})
    if not others:
        return NOT_MEASURED
    columns = [name for name in metrics.get("baselines", {}) if name != "majority"]
    lines = [
        "| data | rows | this one | 95 % interval | ECE | majority class |" + "".join(f" {DESCRIPTIONS[c]} |" for c in columns),
        "|---|---|---|---|---|---|" + "---|" * len(columns),
    ]
    for name, found in others.items():
        cells = [f"{metrics['baselines'][c][name]['accuracy']:.4f}" for c in columns]
        lines.append(
            f"| {name} | {found['rows']:,} | {found['accuracy']:.4f} | {_interval(found)} | {found['ece']:.4f} | "
            f"{found['majority_share']:.4f} |" + "".join(f" {cell} |" for cell in cells)
        )
    return "\n".join(lines)


def _cost(about: Mapping[str, Any]) -> str:
    seconds = about["seconds"]
    return (
        f"Training took {seconds['train']:.0f} s ({about['hardware']}), preparing the texts {seconds['prepare']:.0f} s. "
        "Energy was not measured."
    )


def _interval(found: Mapping[str, Any]) -> str:
    low, high = found["accuracy_interval"]
    return f"{low:.4f}-{high:.4f}"


def _eval_results(metrics: Mapping[str, Any]) -> list[EvalResult]:
    sets = {split: metrics[split] for split in ("validation", "test") if split in metrics}
    sets |= metrics.get("other_data", {})
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=name,
            dataset_name=name,
            metric_type=measure,
            metric_value=round(found[measure], 4),
        )
        for name, found in sets.items()
        for measure in ("accuracy", "f1")
    ]
