"""Peers that want an environment of their own: `peers.fit_elsewhere` runs this file there.

python peers_elsewhere.py MODEL JOB.json ANSWER.json

JOB has texts, labels, label_count, test_texts, seed, and three folders: encoder, kept for what is made of it, and
output for the fitted model. ANSWER gets the scores of the test texts, the CPU-seconds of the training, the texts
classified in a second (the median of some passes), and the megabytes of the saved model.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

# As in the paper of SetFit (Tunstall et al. 2022, https://arxiv.org/abs/2209.11055).
_PAIRS_OF_A_TEXT = 20
_MOST_STEPS = 500  # of 16 pairs: all of a hundred labels, half of three hundred
_C = 10.0  # of the logistic regression on static vectors
_PASSES = 5


def fit_model2vec(job: dict[str, Any]) -> tuple[Any, Callable[[Sequence[str]], Any]]:
    """Fine-tune static vectors of the encoder, with a head."""
    from model2vec.train import StaticModelForClassification

    classifier = StaticModelForClassification.from_static_model(model=_static_vectors(job))
    torch.manual_seed(job["seed"])
    classifier.fit(job["texts"], [str(label) for label in job["labels"]], device="cpu")
    columns = [list(classifier.classes_).index(str(one)) for one in range(job["label_count"])]
    pipeline = classifier.to_pipeline()
    return pipeline, lambda texts: pipeline.predict_proba(list(texts))[:, columns]


@dataclass(frozen=True)
class OnStaticVectors:
    """A classifier of scikit-learn on static vectors."""

    vectors: Any
    classifier: Any

    def scores(self, texts: Sequence[str]) -> Any:
        """Return the probabilities of n texts: (n, labels)."""
        return self.classifier.predict_proba(self.vectors.encode(list(texts)))

    def save_pretrained(self, folder: str) -> None:
        """Save both into a folder."""
        self.vectors.save_pretrained(folder)
        joblib.dump(self.classifier, Path(folder) / "classifier.joblib")


def fit_model2vec_logistic(job: dict[str, Any]) -> tuple[Any, Callable[[Sequence[str]], Any]]:
    """Fit a logistic regression to static vectors of the encoder, which stay as they are."""
    vectors = _static_vectors(job)
    classifier = LogisticRegression(C=_C, max_iter=2_000)
    classifier.fit(vectors.encode(job["texts"]), job["labels"])
    model = OnStaticVectors(vectors, classifier)
    return model, model.scores


def _static_vectors(job: dict[str, Any]) -> Any:
    """Distil static vectors from the encoder, once."""
    from model2vec import StaticModel
    from model2vec.distill import distill

    kept = Path(job["kept"]) / "model2vec"
    if not kept.exists():
        distill(job["encoder"], device="cpu").save_pretrained(str(kept))
    return StaticModel.from_pretrained(str(kept))


def fit_setfit(job: dict[str, Any]) -> tuple[Any, Callable[[Sequence[str]], Any]]:
    """Fine-tune the encoder on pairs of labelled texts, and fit a logistic regression on its embeddings."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(job["encoder"], device="cpu")
    pairs = 2 * _PAIRS_OF_A_TEXT * len(job["texts"])
    batch_size = 16
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            batch_size=batch_size,
            max_steps=min(pairs // batch_size, _MOST_STEPS),
            seed=job["seed"],
            save_strategy="no",
            report_to="none",
            show_progress_bar=False,
        )
        rows = Dataset.from_dict({"text": job["texts"], "label": job["labels"]})
        trainer = Trainer(model=model, args=arguments, train_dataset=rows)
        trainer.train()
    return model, lambda texts: np.asarray(model.predict_proba(list(texts)))


_FITS = {
    "model2vec": fit_model2vec,
    "model2vec_logistic": fit_model2vec_logistic,
    "setfit": fit_setfit,
}


def main(name: str, job_file: str, answer_file: str) -> None:
    """Fit a peer, classify the test texts, and write the answer."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    began = time.process_time()
    model, classify = _FITS[name](job)
    cpu_seconds = time.process_time() - began

    all_seconds = []
    for _ in range(_PASSES):
        began = time.perf_counter()
        scores = classify(job["test_texts"])
        all_seconds.append(time.perf_counter() - began)
    seconds = float(np.median(all_seconds))
    model.save_pretrained(job["output"])
    megabytes = sum(file.stat().st_size for file in Path(job["output"]).rglob("*")) / 1e6
    answer = {
        "scores": np.asarray(scores, dtype=float).tolist(),
        "cpu_seconds": cpu_seconds,
        "texts_a_second": len(job["test_texts"]) / seconds,
        "megabytes": megabytes,
    }
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
