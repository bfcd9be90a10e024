"""Results to figures; nothing is computed here."""
