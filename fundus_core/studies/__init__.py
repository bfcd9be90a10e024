"""Grids of experiments as YAML files: read, run in any order, resumed, and put into one table."""
