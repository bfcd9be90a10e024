"""Photographs from other programs' formats: DICOM, and data sets of Hugging Face."""
