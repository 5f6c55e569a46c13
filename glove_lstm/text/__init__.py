"""Pipelines of tokenizers, the builder of a tokenizer, and a fast reader of texts without transformers."""
