"""The reliability table: one row per promise, each tried so many times beside something broken on purpose that must be caught.

The trials themselves are those of the tests; here they run at a stated size and are written down. One module per family of rows.
"""
