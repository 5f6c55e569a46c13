"""Dataset builders, tables, splits without duplicates, GloVe vectors and downloads."""
