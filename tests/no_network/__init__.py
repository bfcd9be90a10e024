"""What refuses the network to the tests and to every Python process that they start."""
