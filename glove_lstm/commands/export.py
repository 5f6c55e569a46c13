"""Write a checkpoint's light.onnx, to classify without torch. `glove-lstm train` writes it, too.

glove-lstm export out

light.onnx does not contain the large weights: it reads them from model.safetensors beside it. Its
logits are compared with PyTorch's. After more training with transformers' Trainer, export again.
"""

import sys
from collections.abc import Sequence

from glove_lstm.commands.command import add_folder, new_parser


def main(argv: Sequence[str]) -> None:
    """Parse and export."""
    parser = new_parser("glove-lstm export", __doc__)
    add_folder(parser)
    args = parser.parse_args(argv)

    import transformers

    from glove_lstm.inference.onnx_export import export_onnx

    transformers.utils.logging.disable_progress_bar()
    path = export_onnx(args.model)
    sys.stdout.write(
        f"Wrote {path} ({path.stat().st_size:,} bytes); its logits agree with PyTorch's\n"
    )
