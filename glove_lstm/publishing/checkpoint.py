"""Stage a checkpoint for the Hub: allowed files only, checked and loaded in a clean process."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from glove_lstm import modeling, tokenization
from glove_lstm.checkpoint import (
    LIGHT_NAME,
    LOADED_NAMES,
    ONNX_NAME,
    TRAINING_TEXTS_NAME,
    Checkpoint,
)
from glove_lstm.data.files import read_json_object
from glove_lstm.errors import DataError
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.publishing.card import without_record_note, write_card
from glove_lstm.publishing.card_check import check_card, put_repo_id
from glove_lstm.publishing.hub_files import write_hub_files
from glove_lstm.publishing.staging import check_private, error_in_clean_process, list_files
from glove_lstm.version import __version__

# Never sent: checkpoint-*/ with optimizer.pt, training_args.bin, hidden files, __pycache__.
_ALLOWED = (*LOADED_NAMES, "metrics.json", "README.md")
_ONNX = LIGHT_NAME, ONNX_NAME
_VERSION = f"glove-lstm {__version__}"
_LOAD = """
import sys
sys.modules["glove_lstm"] = None  # to import it is an error, as where it is not installed
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder = sys.argv[1]
model, info = AutoModelForSequenceClassification.from_pretrained(
    folder, trust_remote_code=True, output_loading_info=True
)
wrong = [*info["missing_keys"], *info["unexpected_keys"], *info["mismatched_keys"]]
if wrong:
    raise ValueError(f"the weights do not fit the code: {wrong}")
AutoModel.from_pretrained(folder, trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
classify = pipeline("text-classification", model=model, tokenizer=tokenizer)
several = model.config.problem_type == "multi_label_classification"
for scores in classify(["Senate passes budget bill", ""], top_k=None):
    total = sum(one["score"] for one in scores)
    if not (0 <= total <= len(scores) if several else abs(total - 1) < 1e-3):
        raise ValueError(f"the scores are not probabilities: {scores}")
"""


def stage_checkpoint(
    checkpoint: Path,
    folder: Path,
    repo_id: str,
    *,
    hub_files: bool = True,
    training_texts: bool = True,
) -> None:
    """Copy exactly the files that a push sends into a new folder, and check them without any network.

    A missing card is written from metrics.json. With `hub_files` so are the files that only a model's repository needs,
    the ONNX files among them. Without `training_texts` the record of the training texts is left out.

    Raises:
        DataError: A file is missing or damaged, must not be published, or does not load in a clean process.
    """
    opened = Checkpoint.open(checkpoint)
    opened.model_config()
    advice = "push a folder that glove-lstm train has written"
    if "about" not in read_json_object(checkpoint / "metrics.json", advice):
        raise DataError(f"{checkpoint / 'metrics.json'} says nothing about the training: {advice}.")
    allowed = _allowed_names(hub_files=hub_files, training_texts=training_texts)
    for path in _files_to_send(checkpoint, allowed):
        target = folder / path.relative_to(checkpoint)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _stage_card(folder, repo_id)
    if hub_files:
        write_hub_files(folder, repo_id)
    for name in list_files(folder):
        check_private((folder / name).read_bytes(), str(checkpoint / name))
    exported = [name for name in _ONNX if (folder / name).is_file()]
    for name in exported:
        opened.onnx_session(name)
    if (folder / TRAINING_TEXTS_NAME).is_file() and Checkpoint.open(
        folder
    ).training_texts() is None:
        texts = checkpoint / TRAINING_TEXTS_NAME
        raise DataError(f"{texts} was made for other weights; remove it.")
    check_card(folder, repo_id)
    error = error_in_clean_process(_LOAD, folder, checkpoint)
    if error:
        advice = f"save it again with {_VERSION}"
        raise DataError(f"{checkpoint} does not load in a clean process ({error}); {advice}.")
    if hub_files and len(exported) < len(_ONNX):
        export_onnx(folder)


def _allowed_names(*, hub_files: bool, training_texts: bool) -> list[str]:
    names = list(_ALLOWED)
    if hub_files:
        names += _ONNX
    if training_texts:
        names.append(TRAINING_TEXTS_NAME)
    return names


def _stage_card(folder: Path, repo_id: str) -> None:
    """Write a missing card, put the repository's id into it, and drop the note on a record that is not sent."""
    readme = folder / "README.md"
    if not readme.is_file():
        write_card(folder)
    card = put_repo_id(readme.read_text(encoding="utf-8"), repo_id)
    if not (folder / TRAINING_TEXTS_NAME).is_file():
        card = without_record_note(card)
    readme.write_text(card, encoding="utf-8")


def _files_to_send(checkpoint: Path, allowed: Sequence[str]) -> list[Path]:
    """Return the allowed files; remote code must equal the files of this package."""
    files = [*(checkpoint / name for name in allowed), *sorted(checkpoint.glob("plots/[!.]*.png"))]
    for package in (modeling, tokenization):
        for original in sorted(Path(str(package.__file__)).parent.glob("[!_]*.py")):
            path = checkpoint / original.name
            if path.is_file() and path.read_bytes() != original.read_bytes():
                advice = "load the model and save it again"
                raise DataError(f"{path} differs from the file of {_VERSION}; {advice}.")
            files.append(path)
    return [path for path in files if path.is_file()]
