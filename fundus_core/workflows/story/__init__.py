"""Use case: the demo's story, prepared once and told on a page."""
