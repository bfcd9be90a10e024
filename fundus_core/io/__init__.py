"""Photographs, tables, weights and stored results: everything that touches a file."""
