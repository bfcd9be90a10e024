"""What the theme's options cannot say about legible pages; the one style that all pages share."""

import streamlit as st

_STYLE = """<style>
[data-testid="stButtonGroup"] button,
[data-testid="stSliderThumbValue"],
button[kind="secondary"]:hover,
button[kind="tertiary"]:is(:hover, :focus-visible) {color: inherit !important}
[data-testid="stButtonGroup"] button[data-selected="true"] p {font-weight: 600}
button[kind="tertiary"]:is(:hover, :focus-visible) p {text-decoration: underline}
@media (max-width: 1000px) {
  [data-testid="stMain"] [data-testid="stColumn"] {min-width: min(16rem, 100%)}
  [data-testid="stMain"] [data-testid="stHorizontalBlock"] {row-gap: 1rem}
}
</style>"""
"""Streamlit writes white on the primary colour, and writes with it on the background. No colour has
a contrast of 4.5 : 1 to white and to a dark page at once: white on it needs a luminance of at most
0.183, and it on #10181D one of at least 0.215. The theme's colour is made for white; what Streamlit
writes with it takes the colour of the text, and what is chosen is bold in its border.

Columns go below one another only on a telephone's 640 pixels, and beside the menu a tablet's are
as narrow: there they do as soon as one would be narrower than 16 rem."""


def style() -> None:
    """Makes pages legible where the theme alone does not; call it in the frame around them."""
    st.html(_STYLE)
