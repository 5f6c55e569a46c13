"""Find and check the Trainer checkpoints from which training resumes, before anything is loaded from them."""

import json
import zipfile
from pathlib import Path

from safetensors import safe_open
from transformers.trainer_utils import get_last_checkpoint

from glove_lstm.data.files import DataError

FIRST_MODEL = "first_model"  # its checkpoints, in OUTPUT_DIR, where two models are trained
STATE_NAME = "trainer_state.json"  # the Trainer writes it last
MADE_OF_NAME = "made_of.json"  # a hash of what a resumed run has in common with the first
_NEEDED = ["config.json", "model.safetensors", "optimizer.pt", "scheduler.pt"]
_NEEDED += [MADE_OF_NAME, STATE_NAME]


def resume_points(checkpoint: str | None) -> tuple[str | None, str | None]:
    """Return the checkpoints of the first and of the final model from which a run of two models resumes.

    Args:
        checkpoint: Of either model. For that of the final one, the first model's last checkpoint is beside it.

    Raises:
        DataError: The first model's checkpoint is incomplete or damaged.
    """
    if not checkpoint:
        return None, None
    output_dir = Path(checkpoint).resolve().parent
    if output_dir.name == FIRST_MODEL:
        return checkpoint, None
    folder = output_dir / FIRST_MODEL
    first = get_last_checkpoint(folder) if folder.is_dir() else None
    if first:
        check_resumable(Path(first))
    return first, checkpoint


def check_resumable(folder: Path) -> None:
    """Refuse an incomplete or damaged checkpoint.

    The Trainer itself resumes without some of the files, and ends with other weights.

    Raises:
        DataError: Names the file.
    """
    if not folder.is_dir():
        problem = f"--resume_from_checkpoint {folder} is no folder"
        raise DataError(f"{problem}; give OUTPUT_DIR/checkpoint-N.")
    advice = "resume from another checkpoint, or start a new run"
    states = sorted(folder.glob("rng_state*.pth")) or [folder / "rng_state.pth"]  # one a process
    for path in (*(folder / name for name in _NEEDED), *states):
        if not path.is_file():
            raise DataError(f"{folder} is not whole: {path.name} is missing; {advice}.")
        try:
            _read(path)
        except Exception as error:
            raise DataError(f"{path} is damaged ({error}); {advice}.") from None


def _read(path: Path) -> None:
    """Raise something if the file is not whole; nothing is unpickled."""
    if path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix == ".safetensors":
        with safe_open(path, framework="numpy"):
            pass
    else:  # a zip archive, with a checksum for each member
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise ValueError(f"{damaged} has another checksum")
