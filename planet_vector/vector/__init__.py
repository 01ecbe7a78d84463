"""A search as columns and rows: filters narrowed to what the service knows, results kept for a while."""
