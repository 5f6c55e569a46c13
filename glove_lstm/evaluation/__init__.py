"""Metrics with intervals, robustness, leak checks, baselines, plots and reports."""
