"""Push a checkpoint, or a page that shows it, to the Hugging Face Hub.

glove-lstm push out --repo_id user/glove-lstm-fake-news
glove-lstm push out --repo_id user/glove-lstm-fake-news --dry_run
glove-lstm push out --space --repo_id user/fake-news-page

Log in first with `hf auth login` or HF_TOKEN. The files are searched for secrets, and the checkpoint is loaded once; a
missing light.onnx is exported. The card gets the id of the repository. With --space, the page that classifies in the
browser is pushed as a static Space. All files are sent in one commit; a failed push can be run again.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from glove_lstm.commands.command import new_parser


def main(argv: Sequence[str]) -> None:
    """Parse, check, push, report."""
    args = _parse(argv)
    # Modules that take seconds to import are imported after the checks of the arguments.
    from glove_lstm.publishing.hub_upload import (
        Destination,
        check_destination,
        loading_example,
        push_folder,
    )

    destination = Destination(
        args.repo_id,
        repo_type="space" if args.space else "model",
        private=args.private,
        revision=args.revision,
        space_sdk="static",
    )
    check_destination(destination, login=not args.dry_run)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "staged"
        _stage(args, folder)
        if args.dry_run:
            _print_files(folder)
        else:
            commit = push_folder(folder, destination)
            sys.stdout.write(loading_example(destination, commit))


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = new_parser("glove-lstm push", __doc__)
    parser.add_argument("checkpoint", type=Path, help="folder made by glove-lstm train")
    parser.add_argument("--repo_id", required=True, help="user/name; created if it is missing")
    parser.add_argument("--private", action="store_true", help="create a private repository")
    parser.add_argument("--revision", help="branch, created if it is missing; default: main")
    parser.add_argument("--dry_run", action="store_true", help="check and list the files only")
    parser.add_argument("--space", action="store_true", help="push a static Space that shows it")
    return parser.parse_args(argv)


def _stage(args: argparse.Namespace, folder: Path) -> None:
    """Write the files that are sent into a new folder."""
    if args.space:
        from glove_lstm.publishing.space import stage_space

        stage_space(args.checkpoint, folder, args.repo_id)
    else:
        from glove_lstm.publishing.staging import stage_checkpoint

        stage_checkpoint(args.checkpoint, folder, args.repo_id)


def _print_files(folder: Path) -> None:
    from glove_lstm.publishing.hub_upload import list_files

    files = list_files(folder)
    for name, size in files.items():
        sys.stdout.write(f"{size:>12,}  {name}\n")
    sys.stdout.write(f"{sum(files.values()):>12,}  in {len(files)} files; nothing was sent.\n")
