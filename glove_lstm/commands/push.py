"""Push a checkpoint, a Space that shows it, or a dataset of this package to the Hugging Face Hub.

glove-lstm push out --repo_id user/glove-lstm-fake-news
glove-lstm push out --repo_id user/glove-lstm-fake-news --dry_run
glove-lstm push out --space --repo_id user/fake-news-demo
glove-lstm push out --space --static --repo_id user/fake-news-page
glove-lstm push --dataset fake_or_real_news --repo_id user/fake_or_real_news

Log in first with `hf auth login` or HF_TOKEN. The files of a checkpoint are searched for secrets and
loaded once; a missing light.onnx is exported. Its card is rendered for the repository, unless you
have edited it. One commit adds the files, and deletes those that an earlier push wrote and this one
does not. Other files of the repository stay. A failed push can be run again.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from glove_lstm.commands.command import new_parser
from glove_lstm.errors import DataError

if TYPE_CHECKING:
    from glove_lstm.publishing.hub_upload import Destination


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

    repo_type: Literal["model", "dataset", "space"] = "model"
    if args.dataset:
        repo_type = "dataset"
    elif args.space:
        repo_type = "space"
    destination = Destination(
        args.repo_id,
        repo_type=repo_type,
        private=args.private,
        revision=args.revision,
        space_sdk="static" if args.static else "gradio",
    )
    check_destination(destination, login=not args.dry_run)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "staged"
        _stage(args, folder)
        if args.dry_run:
            _print_deletions(folder, destination)
            _print_files(folder)
        else:
            commit = push_folder(folder, destination)
            sys.stdout.write(loading_example(destination, commit))


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = new_parser("glove-lstm push", __doc__)
    pushed = parser.add_mutually_exclusive_group(required=True)
    pushed.add_argument("checkpoint", nargs="?", type=Path, help="folder made by glove-lstm train")
    names = ("fake_or_real_news", "liar")  # those of BUILDERS, which takes seconds to import
    pushed.add_argument("--dataset", choices=names, help="push a dataset of this package")
    parser.add_argument("--repo_id", required=True, help="user/name; created if it is missing")
    parser.add_argument("--private", action="store_true", help="create a private repository")
    parser.add_argument("--revision", help="branch, created if it is missing; default: main")
    parser.add_argument(
        "--dry_run", action="store_true", help="check, and list what is sent and deleted"
    )
    parser.add_argument("--space", action="store_true", help="push a Space that shows it")
    parser.add_argument(
        "--static",
        action="store_true",
        help="with --space: a static Space, which is free and classifies in the browser",
    )
    parser.add_argument(
        "--no_training_texts",
        action="store_true",
        help="leave out training_texts.safetensors, by which anyone can test whether a text was in the training",
    )
    parser.add_argument("--dataset_config_name", help="config of the dataset")
    parser.add_argument("--data_files", help="a local file of the dataset")
    parser.add_argument("--data_dir", help="a local folder with the files of liar")
    args = parser.parse_args(argv)
    if args.dataset:
        for option in ("space", "static", "no_training_texts"):
            if getattr(args, option):
                parser.error(f"--{option} belongs to a checkpoint: leave it out with --dataset")
    else:
        for option in ("dataset_config_name", "data_files", "data_dir"):
            if getattr(args, option):
                parser.error(f"--{option} belongs to --dataset")
        if args.static and not args.space:
            parser.error("--static belongs to --space")
        if args.space and args.no_training_texts:
            parser.error("--no_training_texts: a Space never has them; leave the option out")
    return args


def _stage(args: argparse.Namespace, folder: Path) -> None:
    """Write the files that are sent into a new folder."""
    if args.dataset:
        from glove_lstm.data.named_datasets import BUILDERS
        from glove_lstm.publishing.dataset import stage_dataset

        builder = BUILDERS[args.dataset](
            config_name=args.dataset_config_name, data_files=args.data_files, data_dir=args.data_dir
        )
        stage_dataset(builder, folder, args.repo_id)
        return
    if args.static:
        from glove_lstm.publishing.space import stage_static_space

        stage_static_space(args.checkpoint, folder, args.repo_id)
        return
    if args.space:
        from glove_lstm.publishing.space import stage_space

        stage_space(args.checkpoint, folder, args.repo_id)
        return
    from glove_lstm.publishing.staging import stage_checkpoint

    send_training_texts = not args.no_training_texts
    stage_checkpoint(args.checkpoint, folder, args.repo_id, send_training_texts=send_training_texts)


def _print_files(folder: Path) -> None:
    from glove_lstm.publishing.hub_upload import list_files

    files = list_files(folder)
    for name, size in files.items():
        sys.stdout.write(f"{size:>12,}  {name}\n")
    sys.stdout.write(f"{sum(files.values()):>12,}  in {len(files)} files; nothing was sent.\n")


def _print_deletions(folder: Path, destination: "Destination") -> None:
    """List the files that a push deletes. Without network, which a dry run does not need, they are unknown."""
    from glove_lstm.publishing.hub_upload import files_to_delete

    try:
        deleted = files_to_delete(folder, destination)
    except DataError as error:
        sys.stderr.write(f"warning: files that a push would delete are not listed: {error}\n")
        return
    for name in deleted:
        sys.stdout.write(f"{'deleted':>12}  {name}\n")
