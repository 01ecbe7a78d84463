"""Readers of providers' metadata files, without knowledge of scenes."""
