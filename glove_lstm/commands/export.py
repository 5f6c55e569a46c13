"""Write a checkpoint's model.onnx, for predict.py and for glove_lstm.inference.runtime, which need no torch then.

glove-lstm export out
glove-lstm export out --test_file labelled.csv

The file is checked against PyTorch and stands beside model.safetensors, to which it points for the word vectors: move
them together. It belongs to these weights and this config; after more training, export again. With --test_file it
also writes model_int8.onnx, whose LSTM computes in 8 bits and is faster, if that costs at most 0.2 points of accuracy.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str]) -> None:
    """Parse, export, measure."""
    parser = argparse.ArgumentParser(
        prog="glove-lstm export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="a folder that train.py made")
    parser.add_argument(
        "--test_file",
        type=Path,
        metavar="FILE",
        help="labelled texts that the accuracy in 8 bits is measured on: CSV, TSV, JSON, JSONL or Parquet",
    )
    parser.add_argument(
        "--text_column_names", metavar="A,B", help="columns of --test_file to read; default: as for train.py"
    )
    parser.add_argument("--label_column_name", default="label", help="default: %(default)s")
    args = parser.parse_args(argv)
    for option in ("text_column_names", "label_column_name"):
        if getattr(args, option) != parser.get_default(option) and not args.test_file:
            parser.error(f"--{option} belongs to --test_file")

    import transformers

    from glove_lstm.data.loading import load_splits
    from glove_lstm.inference.checkpoints import load_config
    from glove_lstm.inference.onnx_export import MOST_LOST, export_int8, export_onnx

    transformers.utils.logging.disable_progress_bar()
    labelled = None
    if args.test_file:  # a mistake in it is told before anything is written
        labelled = load_splits(
            test_file=args.test_file,
            text_column_names=args.text_column_names,
            label_column_name=args.label_column_name,
            label_names=load_config(str(args.checkpoint)).label_names,
            on_empty="keep",
        ).splits["test"]
    path = export_onnx(args.checkpoint)
    sys.stdout.write(f"Wrote {path} ({path.stat().st_size:,} bytes), equal to PyTorch\n")
    if labelled is None:
        return
    pairs = labelled["text_pair"][:] if "text_pair" in labelled.column_names else None
    trial = export_int8(
        args.checkpoint, labelled["text"][:], pairs, labelled.with_format("numpy")["label"][:]
    )
    said = f"accuracy {trial.rounded:.4f} in 8 bits, {trial.exact:.4f} without, on {trial.texts:,} texts"
    if trial.path:
        sys.stdout.write(f"Wrote {trial.path} ({trial.path.stat().st_size:,} bytes): {said}\n")
    else:
        sys.stdout.write(f"No 8-bit file: it would lose more than {100 * MOST_LOST:.1f} points ({said})\n")
