"""Time series read windows of files only."""

from __future__ import annotations

import pytest

pytest.importorskip("rasterio")
pytest.importorskip("pandas")
import planet_vector  # noqa: E402

from .conftest import SHOTS, Land  # noqa: E402


def test_only_the_windows_of_places_are_read(on_land: Land) -> None:
    before = on_land.sent()
    frame = planet_vector.timeseries("PLANET:ortho", (12.0, 47.88), "band_1 + band_2", product="visual")
    assert set(frame.scene) == {shot.name for shot in SHOTS} and frame.valid.all()
    for shot in SHOTS:
        sent = on_land.sent()[shot.name] - before.get(shot.name, 0)
        # Header, tables of strips and one strip.
        assert 0 < sent < on_land.path(shot).stat().st_size / 20
