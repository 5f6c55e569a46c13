"""How hub/, the default checkpoint, is made: its corpora, its training, its card."""
