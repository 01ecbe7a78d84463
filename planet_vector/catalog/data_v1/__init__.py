"""Client of Planet's Data API v1 and of its basemaps."""
