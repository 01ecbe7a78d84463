"""The Scenes API v0: its routes and documents."""
