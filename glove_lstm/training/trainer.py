"""The Trainer of GloVe+LSTM models."""

import hashlib
import json
from math import ceil
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits as bce_with_logits
from torch.nn.functional import cross_entropy
from torch.utils.data import Sampler
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerState
from transformers.trainer_utils import PredictionOutput, TrainOutput

from glove_lstm.data.files import DataError
from glove_lstm.inference.scores import SEVERAL
from glove_lstm.training.arguments import SHAPE, GloveLstmTrainingArguments, shaping_arguments
from glove_lstm.training.batches import LengthGroupedSampler, TokenizedTexts, collate
from glove_lstm.training.resuming import MADE_OF_NAME, STATE_NAME, check_resumable

_OF_OPTIMIZER = ["data_seed", "optim", "optim_args", "adam_beta1", "adam_beta2", "fp16"]
_OF_OPTIMIZER += ["lr_scheduler_kwargs"]


class GloveLstmTrainer(Trainer):
    """`Trainer` over `TokenizedTexts`: resumable batches of similar lengths, and word vectors with their own rate."""

    args: GloveLstmTrainingArguments
    _made_of = ""  # set by `train`

    def __init__(
        self,
        model: PreTrainedModel,
        args: GloveLstmTrainingArguments,
        class_weights: NDArray[np.float64] | None = None,  # (classes,)
        print_log: bool = True,
        **kwargs: Any,
    ) -> None:
        if model.config.problem_type == SEVERAL:
            args.label_smoothing_factor = 0.0  # of one label a text only
        super().__init__(model, args, data_collator=collate, **kwargs)
        if not print_log:
            self.remove_callback(PrinterCallback)
        self._class_weights = class_weights
        # `compute_loss` smooths: in transformers 5.0 the smoother ignores the steps of an accumulated gradient.
        self.label_smoother = None

    def create_accelerator_and_postprocess(self) -> None:
        """As in `Trainer`, without the division of the loss by the steps of an accumulated gradient.

        `compute_loss` returns a part of the mean over all texts of a step. transformers 5.3 tells Accelerate to divide
        it by the number of steps once more; 5.0 and 5.24 do not.
        """
        super().create_accelerator_and_postprocess()
        self.accelerator.gradient_accumulation_steps = 1

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the model's loss; in training with class weights, and label smoothing for one label a text."""
        smoothing = self.args.label_smoothing_factor
        several = inputs["labels"].dim() == 2
        own = smoothing or several or self._class_weights is not None
        if not (own and model.training):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        items = labels.numel() if num_items_in_batch is None else num_items_in_batch
        if several:  # not divided by the steps of an accumulated gradient in the model
            loss = bce_with_logits(outputs.logits, labels, reduction="sum")
        else:
            loss = cross_entropy(
                outputs.logits, labels, reduction="none", label_smoothing=smoothing
            )
            if self._class_weights is not None:
                loss = loss * loss.new_tensor(self._class_weights)[labels]
            loss = loss.sum()
        loss = loss / items
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes  # the items are those of all processes
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """The Trainer's own optimizer, with a parameter group for the word vectors where their rate is another."""
        existed, rate = self.optimizer is not None, self.args.embedding_learning_rate
        optimizer = super().create_optimizer(*args, **kwargs)
        vectors = cast(Any, self.model).word_vectors()
        if not existed and rate is not None and vectors[0].requires_grad:
            own = {id(table) for table in vectors}
            for group in optimizer.param_groups:
                group["params"] = [held for held in group["params"] if id(held) not in own]
            optimizer.add_param_group({"params": vectors, "lr": rate, "weight_decay": 0.0})
        return optimizer

    def train(self, resume_from_checkpoint: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Trainer.train`; a checkpoint of other texts, labels, words or settings is refused.

        A checkpoint that is trained to the end is loaded, where `Trainer` would train one step more.

        Raises:
            DataError: The checkpoint is of another run, or the training diverged.
        """
        model, tokenizer, texts = cast(Any, (self.model, self.processing_class, self.train_dataset))
        vocabulary = tokenizer.get_vocab() if tokenizer else None
        sizes = {name: list(weights.shape) for name, weights in model.state_dict().items()}
        parts = vocabulary, model.config.label_names, sizes, texts.digest(), self._settings()
        text = json.dumps(parts, sort_keys=True, default=str)
        self._made_of = hashlib.sha256(text.encode()).hexdigest()
        ended = False
        if isinstance(resume_from_checkpoint, str):
            made_of = Path(resume_from_checkpoint, MADE_OF_NAME).read_text(encoding="utf-8")
            if json.loads(made_of) != self._made_of:
                problem = (
                    f"{resume_from_checkpoint} was made with other texts, labels, words or settings"
                )
                raise DataError(f"{problem}: give those of its run, or start a new run.")
            state = TrainerState.load_from_json(str(Path(resume_from_checkpoint, STATE_NAME)))
            epoch = steps_an_epoch(self.args, len(texts))
            steps = max(self.args.max_steps, 0) or ceil(self.args.num_train_epochs * epoch)
            ended = state.global_step >= steps and not self.args.auto_find_batch_size
        if ended:
            self.state, folder = state, Path(resume_from_checkpoint)
            if self.args.load_best_model_at_end and state.best_model_checkpoint:
                folder = folder.with_name(Path(state.best_model_checkpoint).name)
                check_resumable(folder)
            self._load_from_checkpoint(str(folder))
            output = TrainOutput(state.global_step, 0.0, {})
        else:
            output = super().train(resume_from_checkpoint, *args, **kwargs)
        # Accelerate wraps `forward` for --bf16 and --fp16. From here on the model computes as the saved one does.
        self.accelerator.native_amp = False
        self.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        if not all(weights.isfinite().all() for weights in model.parameters()):
            raise DataError("The training diverged: weights are no numbers; lower --learning_rate.")
        return output

    def _settings(self) -> dict[str, Any]:
        """What shapes the result beside texts and sizes, but for the length of the training."""
        model, weights = cast(PreTrainedModel, self.model), cast(Any, self.train_dataset).weights
        shared = {name: getattr(self.args, name, None) for name in _OF_OPTIMIZER}
        settings = {**shared, **shaping_arguments(self.args)}
        for name in ("num_train_epochs", "min_steps", "refit"):
            del settings[name]
        settings |= {name: getattr(model.config, name) for name in SHAPE}
        # Rounded, since means of the vectors differ in their last bits between machines.
        vectors: Any = model.get_input_embeddings().weight
        settings["vectors"] = round(float(vectors.detach().cpu().double().sum()))
        arrays = {"class_weights": self._class_weights, "weights": weights}
        return settings | {name: np.asarray(array).tolist() for name, array in arrays.items()}

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        if self._made_of and output_dir and self.args.should_save:  # the first process
            Path(output_dir, MADE_OF_NAME).write_text(json.dumps(self._made_of), encoding="utf-8")

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        assert isinstance(dataset, TokenizedTexts)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        size = self.args.train_batch_size
        sampler = LengthGroupedSampler(dataset.lengths, size, seed, dataset.weights)
        dataset.sampler = sampler
        return sampler

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        return _longest_first(eval_dataset).tolist()

    def predict(self, test_dataset: Any, *args: Any, **kwargs: Any) -> PredictionOutput:
        """As `Trainer.predict`; evaluation runs longest first, and the rows come back in the dataset's order."""
        output = super().predict(test_dataset, *args, **kwargs)
        back = np.argsort(_longest_first(test_dataset), kind="stable")
        logits: Any = output.predictions  # perhaps with those of the parts
        several = isinstance(logits, tuple)
        predictions = tuple(part[back] for part in logits) if several else logits[back]
        labels = None if output.label_ids is None else output.label_ids[back]
        return PredictionOutput(predictions, labels, output.metrics)


def steps_an_epoch(args: GloveLstmTrainingArguments, texts: int) -> int:
    """Return the optimizer steps of an epoch over a number of texts."""
    return -(-texts // (args.train_batch_size * args.gradient_accumulation_steps * args.world_size))


def _longest_first(dataset: TokenizedTexts) -> np.ndarray[Any, Any]:
    return np.argsort(-dataset.lengths, kind="stable")
