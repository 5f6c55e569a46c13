"""What comes in: `datasets` builders, users' own files, and the GloVe vectors."""
