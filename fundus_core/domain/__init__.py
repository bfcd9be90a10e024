"""Frozen values that flow between the parts; no method lives here."""
