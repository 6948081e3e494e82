"""Where images, overlays and marks are painted."""
