"""Long work in its own process: queue, progress, cancel, reconcile."""
