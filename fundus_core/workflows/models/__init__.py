"""Use cases: models are fitted, kept, and score photographs."""
