"""The papers that this program implements, by their arXiv ids."""

FLAIR_TRANSFER = "2401.15526"
"""Silva-Rodriguez et al.: what FLAIR is worth for hypertensive retinopathy (paper 0)."""

STRATEGIES = "2406.10050"
"""Davila et al.: eight fine-tuning strategies (paper 1)."""

FUNDUS_FOUNDATION = "2408.08790"
"""Jang et al.: a fundus foundation model (paper 2)."""

NATURAL_FOUNDATION = "2310.19522"
"""Huix et al.: natural-domain foundation models for medical images (paper 3)."""
