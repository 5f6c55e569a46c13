"""The tokenizer class and the shapes of words: the files that travel to the Hub."""
