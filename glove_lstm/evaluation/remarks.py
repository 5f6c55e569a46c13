"""What measures of skewed classes and of weak models need beside them, in words, for summaries, reports and cards."""

from collections.abc import Mapping
from typing import Any

from glove_lstm.errors import counted, shown

_SKEWED = 0.8  # from this share of the largest class on, accuracy hides the other classes


def remarks(measures: Mapping[str, Any], *, is_weighted: bool = False) -> list[str]:
    """Return sentences about the measures of a split; none if classes are even and the model beats the largest one.

    Args:
        measures: See `evaluation.metrics.measure`; `rarest` may be missing.
        is_weighted: Whether the classes were weighted in training.
    """
    sentences = []
    majority = measures["majority_share"]
    rarest = measures.get("rarest")
    if rarest is not None and majority > _SKEWED:
        sentence = (
            f"The largest class has {majority:.1%} of the texts, which hides the others in the accuracy: macro F1 is "
            f"{measures['f1']:.4f}, and the recall of the rarest label, {shown(rarest['label'])} "
            f"({counted(rarest['rows'], 'text')}), is {rarest['recall']:.4f}."
        )
        if not is_weighted:
            sentence += " A training with --class_weight balanced finds more of its texts."
        sentences.append(sentence)
    lowest, _ = measures["accuracy_interval"]
    if lowest <= majority:
        sentences.append(
            "The accuracy is not better than that of always answering the largest class, "
            f"{majority:.4f}: its interval begins at {lowest:.4f}."
        )
    return sentences
