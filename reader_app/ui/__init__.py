"""Everything that is drawn: the reading window and the coordinator's desk. The only package that imports Qt."""
