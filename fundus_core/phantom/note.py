"""The label of everything this package draws."""

SYNTHETIC_NOTE = "SYNTHETIC image drawn by Fundus Explorer. Not a patient. Not for clinical use."
"""Written into every file: as JPEG comment and EXIF description, as PNG text, into README.txt."""
