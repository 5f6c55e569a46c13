"""The former place of `predict_logits`, until training/ and benchmarks/ import it from torch_classifier.py."""

from glove_lstm.inference.torch_classifier import predict_logits as predict_logits
