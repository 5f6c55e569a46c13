"""Accuracy and speed beside other models, and the command that makes hub/."""
