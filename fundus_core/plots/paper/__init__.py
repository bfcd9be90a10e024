"""Figures of the pages drawn again for print, from what plotly was told."""
