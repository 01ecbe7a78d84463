"""The index of an archive: updating and searching it."""
