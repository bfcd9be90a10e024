"""Use cases: weights of backbones are fetched, converted, described."""
