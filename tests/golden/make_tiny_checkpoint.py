"""Write tiny_checkpoint/: a model of made-up articles with its light.onnx, for the tests that need any checkpoint.

    make tiny-checkpoint      # after a change of what the train command writes

It holds what `glove-lstm train` writes, without the remote code and the plots, which the
fixtures take from hub/. `tests/commands/test_train.py` checks that the train command still makes an equivalent one.
"""

import shutil
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TINY_CHECKPOINT = TESTS / "golden" / "tiny_checkpoint"


def make_tiny_checkpoint(articles: Path, glove_file: Path, folder: Path) -> None:
    """Train on the 160 articles of the fixture `articles`."""
    from support import QUICK, SMALL, succeed

    from glove_lstm.commands import train

    command = ["--train_file", articles, "--glove", glove_file, "--output_dir", folder]
    command += SMALL + QUICK
    succeed(train.main, *command)


def main() -> None:
    """Train, and replace the stored files."""
    from support import write_articles, write_glove

    shutil.rmtree(TINY_CHECKPOINT, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        articles = write_articles(Path(scratch, "articles.csv"), 160)
        glove_file = write_glove(Path(scratch, "tiny.8d.txt"))
        trained = Path(scratch, "trained")
        make_tiny_checkpoint(articles, glove_file, trained)
        not_stored = shutil.ignore_patterns("*.py", "plots")
        shutil.copytree(trained, TINY_CHECKPOINT, ignore=not_stored)


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    main()
