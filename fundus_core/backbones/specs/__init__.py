"""The rows of the catalogue, by what the backbones were trained on."""
