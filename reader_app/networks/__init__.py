"""The torch side: networks, training, inference. Runs in a spawned worker process and in ``ai train``."""
