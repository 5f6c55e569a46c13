"""From text to token ids: the tokenizer class and the making of a tokenizer from a corpus."""
