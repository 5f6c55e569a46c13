"""Tokenizers are built and read: pipelines, the builder, and the fast reader."""
