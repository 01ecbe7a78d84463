"""Client of Planet's Scenes API v0, which the local service implements, too."""
