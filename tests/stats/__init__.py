"""Tests of `fundus_core.stats`."""
