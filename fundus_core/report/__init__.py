"""A report on evaluated models: what it holds, and how it becomes HTML, PDF and JSON."""
