"""OGC API Features: the items of the STAC API as flat features."""
