"""Searchable fields of the Scenes API v0, for the client and the local service.

The comparators of each field follow the clients that ran against the real service: times and measures support the four
orderings, text supports equality, image quality only ``gte``.
"""

from __future__ import annotations

from typing import Mapping

from planet_vector.collection_schema import EQUALITY, SceneField

QUALITIES = ("test", "standard", "target")
"""Values of ``image_statistics.image_quality``, the worst first."""

ORDERS = ("acquired desc", "acquired asc")
"""Values of ``order_by``, the service's default first."""

FIELDS: Mapping[str, SceneField] = {
    f.name: f
    for f in (
        SceneField("acquired", "time", synonyms=("datetime", "date", "time", "start_datetime")),
        SceneField("published", "time", synonyms=("updated", "created")),
        SceneField("area", "number"),
        SceneField("camera.bit_depth", "integer", EQUALITY, integers_only=True),
        SceneField("camera.color_mode", "string", EQUALITY),
        SceneField("camera.exposure_time", "number", integers_only=True),
        SceneField("camera.gain", "number", integers_only=True),
        SceneField("camera.tdi_pulses", "number", integers_only=True),
        SceneField(
            "cloud_cover.estimated", "number", synonyms=("eo:cloud_cover", "cloud_cover", "clouds", "cloudcover")
        ),
        SceneField("file_size", "integer", integers_only=True),
        SceneField("image_statistics.gsd", "number", synonyms=("gsd",)),
        SceneField("image_statistics.image_quality", "words", frozenset({"gte"}), words=QUALITIES),
        SceneField("image_statistics.snr", "number"),
        SceneField("landsat.data_type", "string", EQUALITY),
        SceneField("landsat.path", "integer", integers_only=True),
        SceneField("landsat.row", "integer", integers_only=True),
        SceneField("provider", "string", EQUALITY),
        SceneField("rapideye.catalog_id", "string", EQUALITY),
        SceneField("rapideye.tile_id", "string", EQUALITY),
        SceneField("sat.alt", "number"),
        SceneField("sat.azimuth_angle", "number"),
        SceneField("sat.id", "string", EQUALITY),
        SceneField("sat.lat", "number"),
        SceneField("sat.lng", "number"),
        SceneField("sat.off_nadir", "number"),
        SceneField("sat.view_angle", "number"),
        SceneField("strip_id", "number"),
        SceneField("sun.altitude", "number"),
        SceneField("sun.azimuth", "number"),
        SceneField("sun.local_time_of_day", "number"),
    )
}
"""Every field of every scene type."""
