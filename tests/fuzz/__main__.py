"""Send hostile texts and files through every route, and say what broke.

    make fuzz                               # a million texts through the tokenizers, 10,000 through each route
    make fuzz ARGS="--seed 7 --texts 20000 --routes light,bulk"
    make fuzz ARGS="--seed 7 --start 300000"            # goes on where a run with this seed was stopped

What breaks is printed, made short, and with --keep added to tests/fuzz/corpus.json, which the tests read.
"""

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
os.environ["HF_HUB_OFFLINE"] = "1"

from tqdm import tqdm

from fuzz import corpus
from fuzz.files import check_table, make_table
from fuzz.routes import ROUTES, Answer, Route, as_written, check_route
from fuzz.texts import giants, make_text, make_texts
from fuzz.tokens import Finding, Tokenizers
from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.tokenization.build import build_tokenizer

Check = Callable[[list[str]], list[Finding]]
Step = tuple[Check, list[str]]

_BATCH = 500  # texts
_PAIRED = 4  # every so many batches, pairs too, and the article tokenizer
_SHOWN = 20  # findings, after which it ends
_SHRUNK = 100_000  # characters, of a finding that is made short


def main() -> int:
    """0 when nothing broke."""
    args = _parser().parse_args()
    findings: list[Finding] = []
    counts: Counter[str] = Counter()
    logging.getLogger("glove_lstm").setLevel(logging.ERROR)  # skipped rows are what this is about
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(args.model, Path(scratch) / "model"))
        export_onnx(folder)
        try:
            for check, texts in _steps(args, folder, counts):
                for finding in check(texts)[: _SHOWN - len(findings)]:
                    findings.append(finding)
                    _report(finding, check, keep=args.keep)
                if len(findings) >= _SHOWN:
                    break
        except KeyboardInterrupt:
            done = args.start + counts["tokenizer"]
            sys.stdout.write(f"\nStopped; go on with --seed {args.seed} --start {done}\n")
    for name, count in counts.items():
        sys.stdout.write(f"{name:<18}{count:>12,}\n")
    seconds = time.perf_counter() - began
    sys.stdout.write(f"seed {args.seed}: {len(findings)} findings in {seconds:,.0f} s\n")
    return 1 if findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="other texts; default: 0")
    parser.add_argument("--start", type=int, default=0, help="number of the first text; default: 0")
    parser.add_argument("--texts", type=int, default=1_000_000, help="up to this number; default: 1,000,000")
    parser.add_argument("--route_texts", type=int, default=10_000, help="through each route; default: 10,000")
    parser.add_argument("--files", type=int, default=10_000, help="tables; default: 10,000")
    parser.add_argument("--routes", default=",".join(ROUTES), help="which of them; default: %(default)s")
    parser.add_argument("--no_giants", action="store_true", help="leave out the texts of many megabytes")
    parser.add_argument("--keep", action="store_true", help="add what breaks to the corpus")
    parser.add_argument("--model", type=Path, default=DEFAULT_CHECKPOINT, help="a checkpoint; default: hub/")
    return parser


def _steps(args: argparse.Namespace, folder: Path, counts: Counter[str]) -> Iterator[Step]:
    """A check and the texts for it, one after the other; counted when they are through."""
    yield from _tokenizer_steps(args, folder, counts)
    yield from _route_steps(args, folder, counts)
    for number in _bar(range(args.files), "files"):
        table = make_table(args.seed, number)
        yield (lambda texts, table=table: [] if texts else check_table(table)), []  # type: ignore[misc]
        counts["files"] += 1
        counts["rows of files"] += len(table.rows)


def _tokenizer_steps(args: argparse.Namespace, folder: Path, counts: Counter[str]) -> Iterator[Step]:
    both = Tokenizers(folder)
    article = Tokenizers(_article_tokenizer(args.seed, folder.with_name("article")))
    for batch, start in enumerate(_bar(range(args.start, args.texts, _BATCH), "tokenizer")):
        texts = make_texts(args.seed, start, min(_BATCH, args.texts - start))
        yield both.check, texts
        if batch % _PAIRED == 0:
            yield both.check_pairs, texts
            yield article.check, texts
            yield article.check_pairs, texts
            counts["article tokenizer"] += len(texts)
            counts["pairs"] += 2 * len(texts)
        counts["tokenizer"] += len(texts)
    if not (args.no_giants or args.start):
        for _, text in _bar(list(giants()), "tokenizer, giants"):
            yield both.check, [text]
            counts["tokenizer"] += 1


def _route_steps(args: argparse.Namespace, folder: Path, counts: Counter[str]) -> Iterator[Step]:
    asked = args.routes.split(",")
    base, *others = (name for name in ROUTES if name in asked or name == next(iter(ROUTES)))
    routes = {name: ROUTES[name](folder) for name in (base, *others)}
    batches: list[Callable[[], list[str]]] = [
        partial(make_texts, args.seed, start, min(_BATCH, args.route_texts - start))
        for start in range(0, args.route_texts, _BATCH)
    ]
    if not args.no_giants:
        batches += [lambda text=text: [text] for _, text in giants()]  # type: ignore[misc]
    for batch in _bar(batches, "routes"):
        texts = [as_written(text) for text in batch()]
        wanted = routes[base](texts)
        counts[base] += len(texts)
        for name in others:
            # With `wanted` for these texts, and anew for the shorter ones of a finding.
            known = {id(texts): wanted}
            yield partial(_check_against, routes[base], known, name, routes[name]), texts
            counts[name] += len(texts)


def _check_against(
    base: Route, known: dict[int, Sequence[Answer]], name: str, route: Route, texts: list[str]
) -> list[Finding]:
    return check_route(name, route, texts, known.get(id(texts)) or base(texts))


def _article_tokenizer(seed: int, folder: Path) -> Path:
    """The published recipe's: stop words, no punctuation, cut at the left."""
    texts = [make_text(seed, number) for number in range(2000)]
    tokenizer = build_tokenizer(
        lambda: texts,
        variant="article",
        truncation_side="left",
        token_types=False,
        stop_words=("the", "at", "not"),
    )
    tokenizer.save_pretrained(folder)
    return folder


def _report(finding: Finding, check: Check, *, keep: bool) -> None:
    text = finding.text

    def breaks(shorter: str) -> bool:
        return any(found.promise == finding.promise for found in check([shorter]))

    if len(text) < _SHRUNK and breaks(text):  # a pair or a file does not break by itself
        text = corpus.shrink(text, breaks)
    sys.stdout.write(f"\n{finding.promise}: {text[:2000]!a}\n")
    if keep and len(text) < _SHRUNK:
        corpus.add(text, finding.promise)


def _bar(steps, name: str):
    return tqdm(steps, desc=name, mininterval=5)


if __name__ == "__main__":
    sys.exit(main())
