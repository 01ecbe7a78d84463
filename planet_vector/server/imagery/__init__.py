"""Pictures of scenes: thumbnails and tiles, pyramids and overviews they are made of, and where they are kept."""
