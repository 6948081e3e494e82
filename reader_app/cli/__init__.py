"""The command line: one subcommand per user operation."""
