"""What tells the cells of a study apart: words that study files, tables and figures share."""

AXES = (
    "data",
    "model",
    "strategy",
    "head",
    "image_size",
    "preprocessing",
    "fraction",
    "draw",
    "seed",
)
"""Columns of the table of results, from slow to fast."""

INSIDE = "held-out patients"
"""What `tested_on` says of a cell's own data set."""
