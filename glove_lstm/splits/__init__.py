"""Splits whose sides share no duplicates or near duplicates."""
