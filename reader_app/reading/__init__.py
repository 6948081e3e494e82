"""Conducting a reading session: commands in, durable events, states out. No Qt, no reference standard."""
