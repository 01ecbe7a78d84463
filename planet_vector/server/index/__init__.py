"""The index of an archive: how it is brought up to date, and searched."""
