"""Training networks: the one loop, its inputs and augmentations."""
