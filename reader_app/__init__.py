"""Radiologist reading studies in breast imaging. Research use only, not for diagnosis."""

__version__ = "0.1.0"
