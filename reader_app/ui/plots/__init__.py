"""Plots of the coordinator's pages (imported late)."""
