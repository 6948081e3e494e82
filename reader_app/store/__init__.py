"""What is kept on disk: the study folder, the append-only read log, merged logs."""
