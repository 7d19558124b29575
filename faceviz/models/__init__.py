"""Neural networks, and nothing else: layers, the SE(3)-UNet, their configurations."""
