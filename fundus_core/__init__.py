"""Fundus Explorer: which backbone to trust on which retinal photographs."""

__version__ = "0.1.0"
