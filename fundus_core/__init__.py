"""Fundus Explorer: which backbone to trust on which retinal photographs."""
