"""Synthetic fundus photographs with known truth: the embedded demo."""
