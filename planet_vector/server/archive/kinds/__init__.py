"""Kinds of files in an archive: how each is recognised by name, and read into scenes."""
