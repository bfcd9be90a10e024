"""Use cases: photographs become vectors and maps, compared and handed on."""
