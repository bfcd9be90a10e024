"""Where a model looked: saliency maps from any backbone with a probe."""
