"""Train without labels: an encoder compares each text with a description of each label, and teaches the model.

python examples/no_labels.py examples/intents.json examples/more_messages.csv examples/test_messages.csv

intents.json has a sentence for each label, more_messages.csv the column text, test_messages.csv the columns text and
label. A fourth file, with the columns of the third, adds labelled texts. ENCODER names another encoder.
"""

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
from scipy.special import softmax
from sentence_transformers import SentenceTransformer

from glove_lstm import GloveLstmClassifier

ENCODER = os.environ.get("ENCODER", "sentence-transformers/all-MiniLM-L6-v2")


def describe(descriptions, encoder):
    """Return a teacher: a function from texts to the probability of each label."""
    of_labels = encoder.encode(descriptions, normalize_embeddings=True)

    def teacher(texts):
        of_texts = encoder.encode(texts, normalize_embeddings=True)
        return softmax(20 * of_texts @ of_labels.T, axis=1)

    return teacher


def column(file, name):
    with Path(file).open(encoding="utf-8", newline="") as lines:
        return [row[name] for row in csv.DictReader(lines)]


def main(descriptions_file, unlabelled_file, test_file, labelled_file=None):
    descriptions = json.loads(Path(descriptions_file).read_text(encoding="utf-8"))
    names = list(descriptions)
    teacher = describe(list(descriptions.values()), SentenceTransformer(ENCODER))
    model = GloveLstmClassifier(teacher=teacher, label_names=names, random_state=0)
    texts = column(unlabelled_file, "text")
    if labelled_file:
        labelled, labels = column(labelled_file, "text"), column(labelled_file, "label")
        model.fit(labelled, labels, unlabelled=texts)
    else:
        model.fit(texts)
    test_texts, test_labels = column(test_file, "text"), column(test_file, "label")
    best = [names[number] for number in teacher(test_texts).argmax(axis=1)]
    print(f"teacher: {np.mean(np.array(best) == test_labels):.3f}")
    print(f"glove-lstm: {model.score(test_texts, test_labels):.3f}")
    model.save_pretrained("no_labels")


if __name__ == "__main__":
    main(*sys.argv[1:])
