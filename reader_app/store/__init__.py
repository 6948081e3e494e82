"""What lies on disk: the study folder, the append-only read logs, their signatures, copies and merge."""
