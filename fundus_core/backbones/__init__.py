"""Pre-trained networks behind one protocol."""
