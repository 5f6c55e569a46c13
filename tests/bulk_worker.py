"""A process that labels a file with a made-up classifier, for tests that kill it or measure it.

python bulk_worker.py INPUT FOLDER KIND ROWS_PER_PART SECONDS_A_PART

Prints the rows and the peak memory in MB at the end.
"""

import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from glove_lstm.inference.bulk import Labeller, Source, label_to_folder
from glove_lstm.tables.columns import open_files

NAMES = ("FAKE", "REAL")


def predict(texts, pairs=None):
    """Scores that depend on the texts alone."""
    scores = []
    for text, pair in zip(texts, pairs or texts, strict=True):
        seed = sum(map(ord, text[:40])) + len(pair)
        fake = (seed % 997 + 1) / 1000
        scores.append([fake, 1 - fake])
    return np.array(scores)


def model(predict, names=NAMES, thresholds=None, made="up"):
    """What a bulk run reads of a `LightClassifier`."""
    return SimpleNamespace(
        predict_proba=predict,
        label_names=names,
        thresholds=thresholds,
        digests={"made": made},
        tokenizer=SimpleNamespace(truncated_texts=0),
    )


def source_of(path, columns=None):
    """The rows of a file."""
    tables, chosen = open_files([Path(path)], columns)
    return Source(chosen, tables, paths=[Path(path)])


def main(path, folder, kind, rows_per_part, pause):
    """Label."""

    def slowly(texts, pairs):
        time.sleep(float(pause))
        return predict(texts, pairs)

    summary = label_to_folder(
        source_of(path),
        Labeller(model(slowly)),
        Path(folder),
        kind,
        rows_per_part=int(rows_per_part),
    )
    sys.stdout.write(f"{summary.rows} {peak_memory():.1f}\n")


def peak_memory():
    """MB of this process; needs Linux. `resource` would count the parent's memory at the fork."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
