"""Use cases: where models looked, and whether their maps may be read."""
