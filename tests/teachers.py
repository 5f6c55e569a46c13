"""Teachers: a function, and folders with a change of the config or of the pooling."""

import json
import shutil

import numpy as np
from support import edit_json


def by_length(texts):
    """Probabilities of two labels; a blank text, which is never asked, has no first word."""
    first = np.array([0.5 + 0.4 * (len(text.split()[0]) % 2) for text in texts])
    return np.stack([first, 1 - first], axis=1)


def changed_copy(teacher, folder, **values):
    """A copy of a teacher with other values in its config."""
    shutil.copytree(teacher, folder)
    edit_json(folder / "config.json", **values)
    return folder


def with_pooling(encoder, folder, kinds, **settings):
    """A copy of an encoder with the files of sentence-transformers, which say how texts are pooled."""
    shutil.copytree(encoder, folder)
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = []
    for kind in kinds:
        path = paths.get(kind, f"2_{kind}")
        modules.append({"path": path, "type": f"sentence_transformers.models.{kind}"})
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
