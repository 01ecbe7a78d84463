"""OGC API Tiles and TileJSON: basemaps, scene types and items as map tiles."""
