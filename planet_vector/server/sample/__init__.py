"""The sample archive: a land that never was, and the satellites that see it."""
