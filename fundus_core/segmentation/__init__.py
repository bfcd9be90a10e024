"""Marking vessels, disc and lesions: networks, their training, and scores inside the field."""
