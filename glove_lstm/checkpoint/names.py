"""The files of a checkpoint, by name, and the sources that travel with it."""

from pathlib import Path

from glove_lstm.files import package_resource

MODEL_TYPE = "glove_lstm"
MULTI_LABEL = "multi_label_classification"  # the `problem_type` of a model of several labels a text

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
TOKENIZER_NAME = "tokenizer.json"
TOKENIZER_CONFIG_NAME = "tokenizer_config.json"
LIGHT_NAME = "light.onnx"  # for `LightClassifier`; reads large weights from model.safetensors
TRAINING_TEXTS_NAME = "training_texts.safetensors"
METRICS_NAME = "metrics.json"
CARD_NAME = "README.md"
PLOT_NAMES = ("plots/curves.png", "plots/confusion.png", "plots/reliability.png")
# In the card of a checkpoint; a push replaces it. The Hub allows no "--", so that nobody can own what the card names.
PLACEHOLDER_ID = "your--name/your--model"

TOKENIZER_NAMES = (TOKENIZER_NAME, TOKENIZER_CONFIG_NAME)
LOADED_NAMES = (CONFIG_NAME, WEIGHTS_NAME, *TOKENIZER_NAMES)  # what transformers needs
# What belongs to one model, and would be wrong beside another.
MODEL_NAMES = (
    *LOADED_NAMES,
    LIGHT_NAME,
    TRAINING_TEXTS_NAME,
    METRICS_NAME,
    *PLOT_NAMES,
)

DEFAULT_CHECKPOINT = package_resource("hub")


def remote_code() -> list[Path]:
    """Return the sources that travel with each model."""
    files = []
    for package in ("modeling", "tokenization"):
        files += sorted(package_resource(package).glob("[!_]*.py"))  # not __init__.py
    return files
