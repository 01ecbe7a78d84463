"""Choices of a mosaic of scenes: the scene on top, and the resampling method."""

from __future__ import annotations

from typing import Callable, Mapping

from planet_vector.scene import Scene

TOPS: Mapping[str, Callable[[Scene], float]] = {
    "newest": lambda scene: scene.acquired.timestamp(),
    "oldest": lambda scene: -scene.acquired.timestamp(),
    "clearest": lambda scene: -(101.0 if scene.cloud_cover is None else scene.cloud_cover),
}
"""Keys that order overlapping scenes; the greatest is on top."""

RESAMPLING = ("nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode")
"""Resampling methods: the names of `rasterio.enums.Resampling` that GDAL supports for both warps and reads."""
