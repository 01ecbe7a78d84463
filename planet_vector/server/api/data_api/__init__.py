"""The Data API v1 and the Basemaps API v1."""
