"""Push a checkpoint, or a page that shows it, to the Hugging Face Hub.

glove-lstm push out --repo_id user/glove-lstm-fake-news
glove-lstm push out --repo_id user/glove-lstm-fake-news --dry_run
glove-lstm push out --space --repo_id user/fake-news-page
glove-lstm push out --space_dir page

Log in first with `hf auth login` or HF_TOKEN. A missing light.onnx is exported. The card of a training gets the id of
the repository; one that names another id stays as it is. With --space, the page that classifies in the browser is
pushed as a static Space; with --space_dir, it is written into a new folder, which any web server can serve, and nothing
is sent. One commit adds the files, and deletes measures and plots of an earlier model where MODEL has none. Other files
of the repository stay.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from glove_lstm.checkpoint.new_folder import check_new_folder, new_folder
from glove_lstm.commands.command import add_folder, check_given, new_parser
from glove_lstm.errors import DataError


def main(argv: Sequence[str]) -> None:
    """Parse, check, push, report."""
    args = _parse(argv)
    if args.space_dir is not None:
        check_given(args, "--space_dir sends nothing", ["model", "space_dir", "runtime"])
    elif args.runtime and not args.space:
        raise DataError("--runtime is for a page; give --space or --space_dir, or leave it out.")
    checkpoint = Path(args.model)
    if not checkpoint.is_dir():
        raise DataError(f"{checkpoint} is not a folder; give the folder of a checkpoint.")
    # Modules that take seconds to import are imported after the checks of the arguments.
    if args.space_dir is not None:
        _write_space(checkpoint, Path(args.space_dir), args.runtime)
        return
    from glove_lstm.publishing import push, stage

    push.check_destination(args.repo_id, login=not args.dry_run)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "staged"
        if args.space:
            stage.stage_space(checkpoint, folder, args.repo_id, args.runtime)
        else:
            stage.stage_checkpoint(checkpoint, folder, args.repo_id)
        if args.dry_run:
            sizes = stage.file_sizes(folder)
            for name, size in sizes.items():
                sys.stdout.write(f"{size:>12,}  {name}\n")
            total = f"{sum(sizes.values()):>12,}  in {len(sizes)} files"
            sys.stdout.write(f"{total}; nothing was sent.\n")
        else:
            _push(folder, args)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = new_parser("glove-lstm push", __doc__)
    add_folder(parser)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--repo_id", help="user/name; created if it is missing")
    target.add_argument("--space_dir", help="new folder for the page; nothing is sent")
    parser.add_argument("--private", action="store_true", help="create a private repository")
    parser.add_argument("--branch", help="of REPO_ID, created if it is missing; default: main")
    parser.add_argument("--dry_run", action="store_true", help="list what would be sent")
    parser.add_argument("--space", action="store_true", help="push a static Space that shows it")
    parser.add_argument(
        "--runtime",
        type=Path,
        help="folder of an installed onnxruntime-web, to copy it beside the page",
    )
    return parser.parse_args(argv)


def _push(folder: Path, args: argparse.Namespace) -> None:
    """Send a folder, and print how to load it. What the Hub answers is an error in its own words."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # of httpx or httpx2

    from glove_lstm.publishing.push import loading_example, push_folder

    try:
        commit = push_folder(
            folder,
            args.repo_id,
            repo_type="space" if args.space else "model",
            private=args.private,
            branch=args.branch,
        )
    except (HTTPError, OSError) as error:
        raise DataError(f"{args.repo_id} was not pushed: {error}") from None
    sys.stdout.write(loading_example(commit))


def _write_space(checkpoint: Path, folder: Path, runtime: Path | None) -> None:
    """Write the page and the checkpoint into a new folder."""
    from glove_lstm.publishing.stage import file_sizes, stage_space

    check_new_folder(folder)
    with new_folder(folder) as unfinished:
        stage_space(checkpoint, unfinished, None, runtime)
    size = sum(file_sizes(folder).values())
    sys.stdout.write(
        f"Wrote {folder} ({size:,} bytes). To look at it: python -m http.server --directory {folder}\n"
    )
