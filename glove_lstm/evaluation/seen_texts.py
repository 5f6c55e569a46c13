"""Find the texts that a checkpoint was not trained or validated on."""

from collections.abc import Mapping

from datasets import Dataset

from glove_lstm.training.training_texts import TRAINING_TEXTS_NAME, TrainingTexts, joined_texts


def look_up(record: TrainingTexts | None, texts: Dataset) -> tuple[dict[str, int] | None, Dataset]:
    """Return counts by role (None without a record) and the unseen texts."""
    if record is None:
        return None, texts
    trained, validated = record.find(joined_texts(texts))
    unseen = ~(trained | validated)
    masks = {"trained": trained, "validated": validated, "unseen": unseen}
    counts = {name: int(mask.sum()) for name, mask in masks.items()}
    counts["complete"] = record.complete
    return counts, texts.select(unseen.nonzero()[0])


def describe_seen(model: str, counts: Mapping[str, int] | None) -> str:
    """Return a sentence on the numbers of seen and unseen texts."""
    if counts is None:
        return (
            f"It is unknown which texts {model} has seen: it has no {TRAINING_TEXTS_NAME}. "
            "Figures on texts of its training say nothing of new texts."
        )
    seen, unseen = counts["trained"] + counts["validated"], counts["unseen"]
    roles = f"(trained on {counts['trained']:,}, validated on {counts['validated']:,})"
    if not unseen:
        return f"All {seen:,} texts were seen {roles}."
    said = f"{seen:,} of the {seen + unseen:,} texts were seen {roles}"
    said += f"; the figures are of the other {unseen:,}." if seen else "."
    if not counts["complete"]:
        said += " It is unknown which other texts it has seen: it was trained from a checkpoint "
        said += "without a record."
    return said
