"""Use cases: networks mark pixels, are kept, scored and measured."""
