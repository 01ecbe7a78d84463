"""STAC API 1.0, with OGC API Features, over the scenes of an index."""
