"""The parts of the reading window around the images."""
