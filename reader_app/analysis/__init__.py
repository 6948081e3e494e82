"""Statistics of reader studies: pure functions on tables. Only ``analysis.reference`` reads the reference standard."""
