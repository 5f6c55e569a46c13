"""Tables, datasets, splits without duplicates, corruptions of texts, and GloVe vectors.

From a file to rows: `tables` reads records; `cells` chooses columns and turns cells into texts and labels; then
`text_rows` streams the rows to predict, or `labelled_rows` and `loading` read the splits to train and evaluate.
"""
