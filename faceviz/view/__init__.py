"""Pictures: off-screen renders, charts, the viewer in notebooks."""
