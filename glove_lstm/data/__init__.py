"""Tables, datasets, splits without duplicates, corruptions of texts, and GloVe vectors.

`tables` reads records; `columns` chooses columns and turns cells into texts and labels; then `text_rows` streams the
rows to predict, or `load` reads the splits to train and evaluate. `in_memory` reads what the estimator takes.
"""
