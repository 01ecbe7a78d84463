"""The sample archive: a synthetic landscape, and the satellites that image it."""
