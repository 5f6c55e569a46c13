"""Write hub_scores.json: what hub/ says of some texts, in float32, in bfloat16 and by ONNX Runtime.

    python tests/golden/make_hub_scores.py      # after hub/ was made anew

The texts are made up. A score is the probability of the last label. `tests/house/test_front_door.py` holds hub/ to it.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
HUB = HERE.parents[1] / "hub"
# Absolute. Processors add up in different orders: that is 1e-7 in float32; a bfloat16 has 8 bits, and was 0.002 off.
TOLERANCES = {"float32": 1e-5, "onnx": 1e-5, "bfloat16": 0.01}
TEXTS = [
    "Council approves budget after long debate",
    "You WON'T BELIEVE what they are hiding!!!",
    "Senate committee delays vote on bridge repairs",
    "BREAKING: secret cure EXPOSED, doctors furious",
    "The minister said on Tuesday that about 1,200 people had left the city.",
    "Why the elites are so afraid of this simple truth",
    "Mayor's SHOCK over bridge",
    "Court upholds ruling; appeal expected in 2017",
    "",
    "https://www.example.org/story?id=7",
    "Zürich \ud800 \u202eabc\u202c 😀 naïve co-operation",
    "word " * 3000,
    " ".join(f"On day {day} the council met, and a reporter asked why." for day in range(60)),
]
PAIRS = [
    ["Council votes", "The council voted on Monday to repair the old bridge, a spokeswoman said."],
    ["They LIED to you", "Wake up, people! The media will never tell you this."],
    ["", "only a body"],
]


def scores() -> dict[str, list[float]]:
    """Way -> the scores of the texts, then of the pairs."""
    import torch

    from glove_lstm.checkpoint.checkpoint import Checkpoint
    from glove_lstm.inference.decisions import softmax
    from glove_lstm.inference.light_classifier import LightClassifier

    model, tokenizer = Checkpoint.open(HUB).load_model()
    light = LightClassifier.from_pretrained(HUB)

    def by_torch(texts: list[str], bodies: list[str] | None) -> NDArray[Any]:
        inputs = tokenizer(texts, bodies, padding=True, return_tensors="pt")
        with torch.inference_mode():
            return softmax(model(**inputs).logits.float().numpy())

    in_float32 = _all(by_torch)
    by_onnx = _all(light.predict_proba)
    model.to(torch.bfloat16)
    in_bfloat16 = _all(by_torch)
    return {"float32": in_float32, "onnx": by_onnx, "bfloat16": in_bfloat16}


def weights_sha256() -> str:
    """Of the weights that the scores belong to."""
    return hashlib.sha256((HUB / "model.safetensors").read_bytes()).hexdigest()


def _all(classify: Any) -> list[float]:
    titles = [title for title, _ in PAIRS]
    bodies = [body for _, body in PAIRS]
    probabilities = np.concatenate([classify(TEXTS, None), classify(titles, bodies)])
    return [round(float(score), 7) for score in probabilities[:, -1]]


if __name__ == "__main__":
    golden = {"weights_sha256": weights_sha256(), "tolerances": TOLERANCES, "scores": scores()}
    (HERE / "hub_scores.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
