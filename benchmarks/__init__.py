"""Measurements of the program against limits, floors and other programs; each prints a table or JSON."""
