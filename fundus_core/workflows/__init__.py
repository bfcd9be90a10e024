"""Use cases: a recipe in, a result out; the only place where io meets methods."""
