"""The picture in the tab of the browser, which must not be asked for elsewhere.

A material icon would be: Streamlit 1.67 has the browser fetch it from fonts.gstatic.com whenever a
page is opened, which no setting turns off.
"""

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<circle cx="12" cy="12" r="11" fill="#B5512A"/>'
    '<g fill="none" stroke="#7A1F12" stroke-width="1.3" stroke-linecap="round">'
    '<path d="M16 12Q12 4 4 6"/><path d="M16 12Q12 20 4 18"/><path d="M16 12Q19 7 18 3"/>'
    '<path d="M16 12Q19 17 18 21"/></g>'
    '<circle cx="8" cy="12" r="2" fill="#8C3216"/>'
    '<circle cx="16.5" cy="12" r="2.6" fill="#F6D08A"/>'
    "</svg>"
)
"""A fundus: macula, disc and the four large vessels, drawn for this program."""
