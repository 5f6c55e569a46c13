"""Metrics with intervals, robustness, leak checks, explanations, plots and reports."""
