"""Work that does not fit on one machine: the same recipes on a cluster (the extra `scale`)."""
