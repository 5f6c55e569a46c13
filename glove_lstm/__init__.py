"""GloVe+LSTM text classification for Hugging Face transformers.

Names are imported on first use (PEP 562), so that `import glove_lstm` is fast and the base install, which has no torch,
can use `LightClassifier`. The first use of a model class registers the classes with `AutoConfig`, `AutoModel`,
`AutoModelForSequenceClassification` and `AutoTokenizer`; these then need no `trust_remote_code`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glove_lstm.errors import how_to_install
from glove_lstm.version import __version__

if TYPE_CHECKING:
    from glove_lstm.distillation.pretrained import TeacherModel as TeacherModel
    from glove_lstm.estimator import GloveLstmClassifier as GloveLstmClassifier
    from glove_lstm.inference.explain import Explanation as Explanation
    from glove_lstm.inference.explain import explain as explain
    from glove_lstm.inference.light_classifier import LightClassifier as LightClassifier
    from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig as GloveLstmConfig
    from glove_lstm.modeling.modeling_glove_lstm import (
        GloveLstmForSequenceClassification as GloveLstmForSequenceClassification,
    )
    from glove_lstm.modeling.modeling_glove_lstm import GloveLstmModel as GloveLstmModel
    from glove_lstm.tables.fake_or_real_news import FakeOrRealNews as FakeOrRealNews
    from glove_lstm.tokenization.tokenization_glove_lstm import (
        GloveLstmTokenizer as GloveLstmTokenizer,
    )

_MODULES = {
    "Explanation": "glove_lstm.inference.explain",
    "FakeOrRealNews": "glove_lstm.tables.fake_or_real_news",
    "GloveLstmClassifier": "glove_lstm.estimator",
    "GloveLstmConfig": "glove_lstm.auto_classes",
    "GloveLstmForSequenceClassification": "glove_lstm.auto_classes",
    "GloveLstmModel": "glove_lstm.auto_classes",
    "GloveLstmTokenizer": "glove_lstm.auto_classes",
    "LightClassifier": "glove_lstm.inference.light_classifier",
    "TeacherModel": "glove_lstm.distillation.pretrained",
    "explain": "glove_lstm.inference.explain",
}

__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        lacking = error.name or "glove_lstm"
        if lacking.startswith("glove_lstm"):
            raise
        sentence = f"{name} needs {lacking}; run: {how_to_install('train')}"
        raise ModuleNotFoundError(sentence, name=lacking) from None


def __dir__() -> list[str]:
    return sorted(__all__)
