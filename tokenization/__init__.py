"""The tokenizer class, building a tokenizer from a corpus, and a reader without transformers."""
