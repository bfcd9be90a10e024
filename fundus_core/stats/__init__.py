"""Statistics on bare float64 arrays; nothing here knows an image or a file."""
