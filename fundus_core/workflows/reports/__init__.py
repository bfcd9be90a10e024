"""Use cases: results as a report, run again, or carried in a bundle."""
