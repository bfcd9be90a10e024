"""How far two backbones, two maps, or models and labels say the same of photographs."""
