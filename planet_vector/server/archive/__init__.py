"""An archive: files grouped into scenes, and the location and time read from their rasters."""
