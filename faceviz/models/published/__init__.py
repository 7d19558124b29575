"""The SE(3)-Transformer U-Net of Ferraretto (2024), as published and with each of its mistakes mended by name."""
