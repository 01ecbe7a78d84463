"""Pictures of scenes: thumbnails and tiles, the pyramids and overviews that they are made from, and their cache."""
