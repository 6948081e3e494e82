"""The coordinator's desk: from an empty folder to a frozen study, and from logs to results. Knows the truth; never reads."""
