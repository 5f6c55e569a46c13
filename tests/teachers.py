"""Teachers: a function, and folders with a change of the config or of the modules."""

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
    """A copy of an encoder with the files of early versions of sentence-transformers, which say how it pools."""
    shutil.copytree(encoder, folder)
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = []
    for number, kind in enumerate(kinds):
        path = paths.get(kind, f"{number}_{kind}")
        kind = f"sentence_transformers.models.{kind}"
        modules.append({"idx": number, "name": str(number), "path": path, "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    settings = {"word_embedding_dimension": 16, **settings}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def with_dense(encoder, folder):
    """A copy of an encoder that pools by the mean and ends in a layer of its own, as sentence-transformers saves it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Pooling, Transformer

    torch.manual_seed(0)
    modules = [Transformer(str(encoder)), Pooling(16), Dense(16, 12)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder
