"""Teachers, from which a model learns: opened, asked, and their logits kept."""
