"""The reader study as a pure machine: definition, plan, commands, events, state, audit. No clock, no file, no Qt."""
