"""Presets, arguments, the Trainer, batches, n-gram fitting, calibration, and one whole run."""
