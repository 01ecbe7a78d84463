"""Open GeoTIFFs without their sidecars, and read georeference, nodata and masks of both."""
