"""HTTP API of the service (Scenes API v0): routes, permissions and responses."""
