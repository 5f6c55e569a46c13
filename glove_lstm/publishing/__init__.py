"""Save a training with its model card, and push models and Spaces to the Hub.

`page/` is the page of a Space; `handler.py` and `tour.ipynb` are files that a push adds to a model.
"""
