"""The coordinator's operations, one function each, used by the command line and by the desk window alike. No Qt."""
