"""The Scenes API v0 of Planet, which the local service answers, too."""
