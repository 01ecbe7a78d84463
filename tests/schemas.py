"""Schemas of the scene types used by tests."""

from planet_vector.catalog.scenes_v0.scene_schemas import schema_of

ORTHO, LANDSAT = schema_of("ortho"), schema_of("landsat")
