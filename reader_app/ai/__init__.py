"""What the rest of the program knows of models: bundles, stored predictions, the worker's client. No torch."""
