"""Push a checkpoint, a Space that shows it, or a dataset of this package to the Hugging Face Hub.

glove-lstm push out --repo_id user/glove-lstm-fake-news
glove-lstm push out --repo_id user/glove-lstm-fake-news --dry_run
glove-lstm push out --repo_id user/glove-lstm-article --collection "GloVe+LSTM for fake news"
glove-lstm push out --space --repo_id user/fake-news-demo
glove-lstm push --dataset fake_or_real_news --repo_id user/fake_or_real_news

Log in first with `hf auth login` or HF_TOKEN. The files are checked and loaded once in a clean
process; then one commit makes the repository hold exactly these files. An edited card is kept, but
its figures must agree with metrics.json. Missing ONNX files are exported. A failed push can
be run again.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from glove_lstm.commands.command import new_parser


def main(argv: Sequence[str]) -> None:
    """Parse, check, push, report."""
    parser = new_parser("glove-lstm push", __doc__)
    pushed = parser.add_mutually_exclusive_group(required=True)
    pushed.add_argument("checkpoint", nargs="?", type=Path, help="folder made by glove-lstm train")
    names = "fake_or_real_news", "liar"
    pushed.add_argument("--dataset", choices=names, help="push a dataset of this package")
    parser.add_argument("--repo_id", required=True, help="user/name; created if it is missing")
    parser.add_argument("--private", action="store_true", help="create a private repository")
    parser.add_argument("--revision", help="branch, created if it is missing; default: main")
    parser.add_argument("--collection", help="add it to this one: slug, or title to find or create")
    parser.add_argument("--dry_run", action="store_true", help="check and list the files only")
    parser.add_argument("--space", action="store_true", help="push a Space that shows it")
    parser.add_argument(
        "--no_training_texts",
        action="store_true",
        help="leave out training_texts.safetensors, by which anyone can test whether a text was in the training",
    )
    parser.add_argument("--dataset_config_name", help="config of the dataset")
    parser.add_argument("--data_files", help="a local file of the dataset")
    parser.add_argument("--data_dir", help="a local folder with the files of liar")
    args = parser.parse_args(argv)
    if args.space and args.dataset:
        parser.error("--space shows a checkpoint: give its folder instead of --dataset")
    for option in ("dataset_config_name", "data_files", "data_dir"):
        if getattr(args, option) and not args.dataset:
            parser.error(f"--{option} belongs to --dataset")
    if args.no_training_texts and args.dataset:
        parser.error("--no_training_texts belongs to a checkpoint")

    from glove_lstm.publishing.hub_upload import (
        Destination,
        check_destination,
        collect,
        loading_example,
        push_folder,
    )

    to = Destination(
        args.repo_id,
        repo_type="dataset" if args.dataset else "space" if args.space else "model",
        private=args.private,
        revision=args.revision,
    )
    check_destination(to, login=not args.dry_run)

    # Imported after the checks of the arguments, because it takes seconds.
    from glove_lstm.data.named_datasets import BUILDERS
    from glove_lstm.publishing.checkpoint import stage_checkpoint
    from glove_lstm.publishing.dataset import stage_dataset
    from glove_lstm.publishing.space import stage_space
    from glove_lstm.publishing.staging import list_files

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "staged"
        if args.dataset:
            options = {"data_files": args.data_files, "data_dir": args.data_dir}
            builder = BUILDERS[args.dataset](config_name=args.dataset_config_name, **options)
            stage_dataset(builder, folder, args.repo_id)
        else:
            stage = stage_space if args.space else stage_checkpoint
            training_texts = not args.no_training_texts
            stage(args.checkpoint, folder, args.repo_id, training_texts=training_texts)
        if args.dry_run:
            files = list_files(folder)
            for name, size in files.items():
                sys.stdout.write(f"{size:>12,}  {name}\n")
            checked = "" if args.dataset else ", checked"
            total = f"{sum(files.values()):>12,}  in {len(files)} files{checked}"
            sys.stdout.write(f"{total}; nothing was sent.\n")
        else:
            sys.stdout.write(loading_example(to, push_folder(folder, to)))
            if args.collection:
                sys.stdout.write(f"\nIn {collect(to, args.collection)}\n")
