"""Parts of pages: a value in, a drawing out."""
