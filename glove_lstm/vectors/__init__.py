"""GloVe and other word vectors, and downloads."""
