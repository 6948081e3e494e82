"""Pixels and geometry: reading files, verified case containers, grey scale, hanging, overlays, phantoms. No Qt, no torch."""
