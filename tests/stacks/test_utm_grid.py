"""The grid of a stack: whole pixels inside the ground, wherever on the globe."""

from __future__ import annotations

from typing import Any, Callable

import pytest

pytest.importorskip("shapely")
import numpy as np  # noqa: E402
import pyproj  # noqa: E402
import shapely  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from planet_vector import QueryError  # noqa: E402
from planet_vector.stacks.utm_grid import common_grid  # noqa: E402


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-175, 175),
    st.floats(-70, 75),
    st.floats(-0.5, 0.5),
    st.sampled_from([3.0, 12.5, 30.0]),
    st.integers(0, 9),
)
def test_the_grid_lies_inside_and_on_the_pixels(lon: float, lat: float, turn: float, pixel: float, shift: int) -> None:
    wide = 0.08 / np.cos(np.radians(lat))
    west, south, east, north = lon - wide, lat - 0.05, lon + wide, lat + 0.05
    ring = [(west, south), (east, south + turn / 20), (east, north), (west, north)]
    origin = (500000.0 + shift, 1000.0 - shift / 3)
    found = common_grid([[ring]], pixel, origin)
    # The zones of 6° are counted from 180° west.
    middle = ((min(x for x, _ in ring) + max(x for x, _ in ring)) / 2, (min(y for _, y in ring) + north) / 2)
    assert found.crs == (32600 if middle[1] >= 0 else 32700) + int((middle[0] + 180) // 6) + 1
    project = pyproj.Transformer.from_crs(4326, found.crs, always_xy=True).transform
    drawn = shapely.segmentize(shapely.Polygon(ring), wide / 500)
    ground = shapely.transform(drawn, lambda positions: np.column_stack(project(*positions.T)))
    west, south, east, north = found.bounds
    # Straight between the points here, within a hundredth of a pixel there.
    assert ground.buffer(0.03 * pixel).covers(shapely.box(west, south, east, north))
    assert (west - origin[0]) / pixel == pytest.approx(round((west - origin[0]) / pixel), abs=1e-6)
    assert (origin[1] - north) / pixel == pytest.approx(round((origin[1] - north) / pixel), abs=1e-6)
    assert found.transform == (pixel, 0, west, 0, -pixel, north)


def test_ground_across_the_antimeridian_is_one() -> None:
    ring = [(179.9, -17.0), (180.1, -17.0), (180.1, -16.9), (179.9, -16.9)]
    found = common_grid([[ring]], 3.0)
    assert found.crs in (32701, 32760)
    # 0.2° of longitude at 17° south are 21.3 km, less what lies aslant.
    assert found.width * 3 == pytest.approx(21250, rel=0.02)


def test_what_holds_no_pixel_is_said() -> None:
    ring = [(12.0, 47.0), (12.0001, 47.0), (12.0001, 47.0001), (12.0, 47.0001)]
    assert common_grid([[ring]], 3.0).width >= 1
    with pytest.raises(QueryError, match="no whole pixel"):
        common_grid([[ring]], 30.0)
    with pytest.raises(QueryError, match="no ground"):
        common_grid([], 3.0)
    with pytest.raises(QueryError, match="no UTM zone"):
        common_grid([[ring]], 3.0, epsg=3857)


def test_it_does_without_shapely_and_rasterio(system_python: Callable[..., Any]) -> None:
    code = (
        "import sys; from planet_vector.stacks.utm_grid import common_grid;"
        "print(common_grid([[[(12.0, 47.0), (12.1, 47.01), (12.1, 47.1), (12.0, 47.09)]]], 3.0));"
        "assert not {'shapely', 'rasterio'} & set(sys.modules)"
    )
    done = system_python(code)
    assert done.returncode == 0, done.stderr
    ring = [(12.0, 47.0), (12.1, 47.01), (12.1, 47.1), (12.0, 47.09)]
    assert done.stdout.strip() == str(common_grid([[ring]], 3.0))
