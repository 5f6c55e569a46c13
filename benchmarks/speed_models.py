"""What the speed benchmark measures: checkpoints with their ONNX files, and the peers, made from one split."""

import json
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import cached_property
from pathlib import Path

import numpy as np
from datasets import Dataset, concatenate_datasets
from tokenizers import BertWordPieceTokenizer

from benchmarks.corpora import NAMES
from benchmarks.folds import Fold, make_folds
from benchmarks.predictions import Predictor
from benchmarks.speed_sklearn import fit_linear
from glove_lstm.data.errors import DataError
from glove_lstm.evaluation.run_metrics import run_metrics
from glove_lstm.inference.checkpoints import load_config
from glove_lstm.publishing.checkpoint_folder import save_experiment
from glove_lstm.training.arguments import TrainingRun, parse_training_run
from glove_lstm.training.experiment import run_experiment
from glove_lstm.training.training_texts import joined_texts

logger = logging.getLogger(__name__)

_SEED = 42
_NOT_SHAPE = {"ngram_weight", "freeze_embeddings", "half_precision_embeddings"}


class Models:
    """Models by name, each made when it is asked for, all from the first fold of ReCOVery.

    Args:
        data_dir: Laid out as ../shared/data is.
        glove: A name or a file.
        scratch: A folder for what is made.
        checkpoints: Preset -> a folder with its checkpoint, or for it where there is none yet.
        arguments: Of `train.py`, over the values of our presets.

    Attributes:
        scratch: As above.

    Raises:
        DataError: Data are missing, or an argument is unknown or the benchmark's own.
    """

    def __init__(
        self,
        data_dir: Path,
        glove: str,
        scratch: Path,
        checkpoints: Mapping[str, Path] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        Predictor(glove, arguments).check()
        self.scratch = scratch
        self.glove = glove
        self.arguments = list(arguments)
        self._checkpoints = dict(checkpoints or {})
        self._fold: Fold = make_folds("recovery", data_dir, 1)[0]
        self._ready: dict[str, Path] = {}

    def run(self, preset: str, **options: str | Path) -> TrainingRun:
        """The arguments of a training of ours."""
        argv = ["--preset", preset, "--seed", str(_SEED), "--glove", self.glove, *self.arguments]
        return parse_training_run(
            [*argv, *(str(word) for pair in options.items() for word in _option(*pair))]
        )

    @cached_property
    def train(self) -> Dataset:
        """The training texts with labels: four fifths of the corpus."""
        return concatenate_datasets([self._fold.data.splits[part] for part in ("train", "validation")])

    @cached_property
    def train_texts(self) -> list[str]:
        """Each as one text."""
        return list(joined_texts(self.train))

    @cached_property
    def test_texts(self) -> list[str]:
        """The other fifth."""
        return list(joined_texts(self._test))

    @cached_property
    def test_labels(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Indices into `corpora.NAMES`."""
        return np.array(self._test["label"][:], dtype=np.int64)

    @property
    def _test(self) -> Dataset:
        [rows] = self._fold.tests.values()
        return rows

    def text_file(self, name: str, texts: Sequence[str]) -> Path:
        """A file of texts for other processes."""
        path = self.scratch / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(list(texts)), encoding="utf-8")
        return path

    def ours(self, preset: str) -> Path:
        """A copy of a preset's checkpoint, with its ONNX file; trained now where none was given."""
        if preset not in self._ready:
            from glove_lstm.inference.onnx_export import export_onnx

            source = self._checkpoints.get(preset) or self.scratch / f"trained_{preset}"
            if (source / "config.json").is_file():
                self._check(preset, source)
            else:
                self._train(preset, source)
            copy = self.scratch / preset
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("checkpoint-*", "*.onnx", "plots"))
            export_onnx(copy)
            self._ready[preset] = copy
        return self._ready[preset]

    @cached_property
    def sklearn(self) -> Path:
        """TF-IDF of words and pairs with a linear SVC, fitted on the training texts."""
        logger.info("Fitting scikit-learn.")
        path = self.scratch / "sklearn"
        fit_linear(path, self.train_texts, self.train["label"][:])
        return path

    @cached_property
    def transformer(self) -> Path:
        """A DistilBERT of random weights, and a tokenizer of the training texts."""
        from transformers import BertTokenizer, DistilBertConfig, DistilBertForSequenceClassification

        logger.info("Making a transformer.")
        config = DistilBertConfig()
        pieces = BertWordPieceTokenizer()
        pieces.train_from_iterator(self.train_texts, vocab_size=config.vocab_size, show_progress=False)
        path = self.scratch / "transformer"
        path.mkdir()
        tokenizer = BertTokenizer(vocab=pieces.get_vocab(), model_max_length=512)
        tokenizer.model_input_names = ["input_ids", "attention_mask"]  # a DistilBERT has no token types
        tokenizer.save_pretrained(path)
        DistilBertForSequenceClassification(config).save_pretrained(path)
        return path

    def _train(self, preset: str, folder: Path) -> None:
        logger.info("Training %s.", preset)
        with redirect_stdout(sys.stderr):  # standard output is the table's
            run = self.run(preset, output_dir=self.scratch / f"run_{preset}", disable_tqdm="True")
            experiment = run_experiment(run, self._fold.data)
            metrics = run_metrics(experiment)
            metrics["about"]["fold"] = self._fold.digest
            save_experiment(experiment, metrics, folder)

    def _check(self, preset: str, folder: Path) -> None:
        """Refuse another network; tell of one that was trained on other texts."""
        config = load_config(str(folder))
        for name, value in self.run(preset).model.config_values().items():
            if not (name in _NOT_SHAPE or name.endswith("dropout")) and getattr(config, name) != value:
                raise DataError(
                    f"{folder} is no checkpoint of the {preset} preset: its {name} is {getattr(config, name)}, "
                    f"not {value}."
                )
        try:
            metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            known = metrics["about"].get("fold") == self._fold.digest
        except (OSError, ValueError, LookupError):
            known = False
        if list(config.label_names) != NAMES or not known:
            logger.warning(
                "%s was not trained by this benchmark: it may know the test texts, so do not trust its accuracy.",
                folder,
            )


def _option(name: str, value: str | Path) -> tuple[str, str]:
    return f"--{name}", str(value)
