"""The model card, and pushes of models, datasets and Spaces to the Hub."""
