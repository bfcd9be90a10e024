"""Use cases: what stored models are worth, each and beside one another."""
