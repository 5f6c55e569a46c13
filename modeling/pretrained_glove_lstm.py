"""The base class of the models. Travels to the Hub: imports only torch, transformers and siblings."""

import os
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import initialization as init

from .configuration_glove_lstm import AUTO_MAP, UNCALIBRATED, UNKNOWN_DATA, GloveLstmConfig
from .lstm_layers import init_lstm, is_loaded
from .ngram_classifier import GloveLstmNgramClassifier

_VECTORS = ("word_embeddings.weight", "character_embeddings.weight")


class GloveLstmPreTrainedModel(PreTrainedModel):
    """Base of the encoder and the classifier: initialisation, frozen embeddings, and saving."""

    config_class = GloveLstmConfig
    config: GloveLstmConfig
    base_model_prefix = "encoder"
    _input_embed_layer = "word_embeddings"
    _no_split_modules = ["LSTM"]  # noqa: RUF012 (transformers' own form)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise LSTM and dense layers nearly as Keras does, in which the published recipe was written."""
        if isinstance(module, nn.LSTM):
            init_lstm(module)
        elif isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, GloveLstmNgramClassifier):
            for table in module.parameters():
                init.zeros_(table)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=0.1)
            if module.padding_idx is not None and not is_loaded(module.weight):
                init.zeros_(module.weight[module.padding_idx])

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """Load as `PreTrainedModel.from_pretrained` does, and freeze the vectors again, which loading undoes.

        If the last layer is new, or a weight has another size, what the config says of the earlier labels is reset.
        """
        with_info = kwargs.pop("output_loading_info", False)
        loaded: Any = super().from_pretrained(*args, output_loading_info=True, **kwargs)
        model, info = loaded
        model.freeze_embeddings(model.config.freeze_embeddings)
        if info["mismatched_keys"] or "classifier.weight" in info["missing_keys"]:
            model.config.update({**UNCALIBRATED, **UNKNOWN_DATA})
        if with_info:
            return loaded
        return model

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, *_: Any, **__: Any
    ) -> nn.Module:
        """Refuse another number of word vectors: the n-grams depend on it, so that the model could not be loaded."""
        if new_num_tokens not in (None, self.config.vocab_size):
            raise ValueError("The vocabulary is fixed. Train a new model for other words.")
        return self.get_input_embeddings()

    def freeze_embeddings(self, frozen: bool = True) -> None:
        """Exclude the vectors of words and characters from training, or include them. The config keeps the choice."""
        self.config.freeze_embeddings = frozen
        for table in self.word_vectors():
            table.requires_grad_(not frozen)

    def word_vectors(self) -> list[nn.Parameter]:
        """Return the word vectors and, if the model reads characters, the vectors of character n-grams."""
        return [values for name, values in self.named_parameters() if name.endswith(_VECTORS)]

    @torch.no_grad()
    def round_tables(self) -> None:
        """Round `tables` to 16-bit numbers, so that a saved checkpoint is half as large.

        Call it after training and before measuring. A table with values beyond the range of 16 bits (65,504) is not
        rounded, and is saved in full.
        """
        for table in self.tables().values():
            rounded = table.half().to(table.dtype)
            if rounded.isfinite().all():
                table.copy_(rounded)

    def tables(self) -> dict[str, nn.Parameter]:
        """Return the vectors of words and characters and the n-gram classifier's parameters, by their names."""
        return {
            name: parameter
            for name, parameter in self.named_parameters()
            if name.endswith(_VECTORS) or name.startswith("ngrams.")
        }

    def save_pretrained(self, save_directory: str | os.PathLike[str], **kwargs: Any) -> None:
        """Save as `PreTrainedModel.save_pretrained` does, with the big tables in 16 bits where that is lossless.

        During a training the tables are not rounded yet, so that what the Trainer saves meanwhile has all their bits.
        """
        state = dict(kwargs.pop("state_dict", None) or self.state_dict())
        for name in self.tables():
            state[name] = lossless_float16(state[name])
        # A model from the Hub has entries "user/name--...", but its copy must not need that repository.
        self.config.auto_map = dict(AUTO_MAP)
        super().save_pretrained(save_directory, state_dict=state, **kwargs)


def lossless_float16(table: Tensor) -> Tensor:
    """Return the table in 16 bits if that changes no value, else the table itself."""
    half = table.half()
    if torch.equal(half.to(table.dtype), table):
        return half
    return table
