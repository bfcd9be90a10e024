"""Use cases: photographs are opened, imported, selected, searched."""
