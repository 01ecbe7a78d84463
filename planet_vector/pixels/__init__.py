"""GeoTIFFs opened without what lies beside them."""
