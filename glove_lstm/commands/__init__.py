"""Argument parsing and reporting of each command."""
