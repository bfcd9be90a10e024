"""Use cases: one photograph that belongs to no data set."""
