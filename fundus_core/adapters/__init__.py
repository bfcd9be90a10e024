"""Probes that start from words: what a text tower says of the classes, adapted by photographs."""
