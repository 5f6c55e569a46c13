"""Tables, their columns and labels, and the two dataset builders.

`tables` reads records; `columns` chooses columns and turns cells into texts and labels; then `text_rows` streams the
rows to predict, or `load` reads the splits to train and evaluate. `in_memory` reads what the estimator takes.
"""
