"""The drawn eyes keep their promises."""
