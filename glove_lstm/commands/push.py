"""Push a checkpoint, an app that shows it, or one of our data sets, to the Hugging Face Hub.

glove-lstm push out --repo_id user/glove-lstm-fake-news
glove-lstm push out --repo_id user/glove-lstm-fake-news --dry_run
glove-lstm push out --space --repo_id user/fake-news-demo
glove-lstm push --dataset fake_or_real_news --repo_id user/fake_or_real_news

Log in first: `hf auth login`, or HF_TOKEN. Only the files that are needed travel, in one commit after which the
repository holds them and no others; before, they are checked and loaded once in a clean process. A card written by hand
is kept, but its figures must be those of metrics.json. A push that failed can simply be run again.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str]) -> None:
    """Parse, check, push, report."""
    parser = argparse.ArgumentParser(
        prog="glove-lstm push", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", nargs="?", type=Path, help="a folder that train.py made")
    parser.add_argument(
        "--repo_id", required=True, help="user/name; the repository is made where it is missing"
    )
    parser.add_argument("--private", action="store_true", help="only its owner may see it")
    parser.add_argument("--revision", help="branch to push to, made where it is missing; default: main")
    parser.add_argument("--commit_message", default="Upload with glove-lstm", help="default: %(default)s")
    parser.add_argument("--create_pr", action="store_true", help="open a pull request instead")
    parser.add_argument(
        "--dry_run", action="store_true", help="check and list what would be sent, and send nothing"
    )
    parser.add_argument(
        "--space",
        action="store_true",
        help="push a Space that shows the checkpoint, as demo.py does; the package's files travel along",
    )
    parser.add_argument("--dataset", help="push this data set: fake_or_real_news or liar")
    parser.add_argument("--dataset_config_name", help="its config; default: the data set's own default")
    parser.add_argument("--data_files", help="read it from this file instead of a download")
    parser.add_argument("--data_dir", help="read it from the files in this folder, as liar has them")
    args = parser.parse_args(argv)
    if (args.checkpoint is None) == (args.dataset is None):
        parser.error("give either a checkpoint's folder or --dataset")
    if args.space and args.dataset:
        parser.error("--space shows a checkpoint: give its folder instead of --dataset")
    for option in ("dataset_config_name", "data_files", "data_dir"):
        if getattr(args, option) and not args.dataset:
            parser.error(f"--{option} belongs to --dataset")

    from glove_lstm.publishing.hub_upload import Destination, check_destination, push_folder, report

    to = Destination(
        args.repo_id,
        repo_type="dataset" if args.dataset else "space" if args.space else "model",
        private=args.private,
        revision=args.revision,
        create_pr=args.create_pr,
        commit_message=args.commit_message,
    )
    check_destination(to, login=not args.dry_run)

    # These take seconds: not before the mistakes are told.
    from glove_lstm.publishing.dataset_publishing import staged_dataset
    from glove_lstm.publishing.publishing import list_files, staged_checkpoint
    from glove_lstm.publishing.space_publishing import staged_space

    if args.dataset:
        staging = staged_dataset(
            args.dataset, args.dataset_config_name, args.data_files, args.data_dir, args.repo_id
        )
    elif args.space:
        staging = staged_space(args.checkpoint, args.repo_id)
    else:
        staging = staged_checkpoint(args.checkpoint, args.repo_id)
    with staging as folder:
        if args.dry_run:
            files = list_files(folder)
            for name, size in files.items():
                sys.stdout.write(f"{size:>12,}  {name}\n")
            sys.stdout.write(
                f"{sum(files.values()):>12,}  in {len(files)} files, checked; nothing was sent.\n"
            )
            return
        pushed = push_folder(folder, to)
    sys.stdout.write(report(to, pushed))
