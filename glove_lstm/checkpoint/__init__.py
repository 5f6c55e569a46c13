"""Checkpoints: opened from a folder or the Hub, checked, and saved."""
