"""UTM and Mercator against PROJ, as rasterio has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.warp import transform, transform_bounds

from planet_vector.errors import QueryError
from planet_vector.vector.crs import LayerProjection

ZONES = st.tuples(st.sampled_from("67"), st.integers(1, 60))


def system(code: str) -> LayerProjection:
    projection = LayerProjection.parse(code)
    assert projection is not None
    return projection


@given(zone=ZONES, east=st.floats(-39, 39), latitude=st.floats(-89, 89))
def test_utm_is_projs(zone: tuple[str, int], east: float, latitude: float) -> None:
    code = f"EPSG:32{zone[0]}{zone[1]:02}"
    longitude = zone[1] * 6 - 183 + east
    x, y = system(code).forward(longitude, latitude)
    (expected_x,), (expected_y,) = transform("EPSG:4326", code, [longitude], [latitude])
    assert abs(x - expected_x) < 0.002 and abs(y - expected_y) < 0.002
    back = system(code).inverse(x, y)
    assert back == pytest.approx((longitude, latitude), abs=1e-7)


@given(longitude=st.floats(-180, 180), latitude=st.floats(-85, 85))
def test_mercator_is_projs(longitude: float, latitude: float) -> None:
    x, y = system("EPSG:3857").forward(longitude, latitude)
    (expected_x,), (expected_y,) = transform("EPSG:4326", "EPSG:3857", [longitude], [latitude])
    assert (x, y) == pytest.approx((expected_x, expected_y), abs=1e-3)
    assert system("EPSG:3857").inverse(x, y) == pytest.approx((longitude, latitude), abs=1e-9)


@given(
    zone=ZONES,
    west=st.floats(-500_000, 1_400_000),
    south=st.floats(100_000, 8_800_000),
    width=st.floats(1, 600_000),
    height=st.floats(1, 600_000),
)
def test_a_box_in_degrees_holds_the_box_in_metres(
    zone: tuple[str, int], west: float, south: float, width: float, height: float
) -> None:
    code = f"EPSG:32{zone[0]}{zone[1]:02}"
    box = system(code).unproject(west, south, west + width, south + height)
    if box is None:  # the world
        return
    for x in (west, west + width / 3, west + width):
        for y in (south, south + height / 3, south + height):
            (longitude,), (latitude,) = transform(code, "EPSG:4326", [x], [y])
            assert box.touches(type(box)(longitude, latitude, longitude, latitude))


def test_bounds_are_those_of_gdal() -> None:
    box = (11.5, 47.2, 13.1, 48.4)
    found = system("EPSG:32633").bounds([box])
    assert found == pytest.approx(transform_bounds("EPSG:4326", "EPSG:32633", *box, densify_pts=101), abs=50)


@pytest.mark.parametrize("text", ["EPSG:2056", "32661", "EPSG:32600", "utm", ""])
def test_other_systems_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match="UTM zone"):
        LayerProjection.parse(text)


def test_what_lies_too_far_away_is_refused() -> None:
    with pytest.raises(QueryError, match="narrow the search"):
        system("EPSG:32633").forward(-100, 40)
    with pytest.raises(QueryError, match="narrow the search"):
        system("EPSG:3857").forward(0, 89.5)
