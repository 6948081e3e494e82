"""Statistics of reader studies as pure functions over tables, and the only reader of the reference standard."""
