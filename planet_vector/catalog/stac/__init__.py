"""Client of STAC APIs (STAC API 1.0.0, item search; STAC 0.9 to 1.1)."""
