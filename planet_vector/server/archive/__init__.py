"""An archive: files put together to scenes, and what their rasters say of place and time."""
