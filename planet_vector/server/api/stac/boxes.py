"""Bounding boxes of requests and of items."""

from __future__ import annotations

from typing import List, Sequence

from shapely.geometry.base import BaseGeometry

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.wrapping import sides
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.searched_area import Area


def area_of_box(values: object) -> Area:
    """Return the area of a bounding box.

    Parameters
    ----------
    values : object
        West, south, east, north in degrees, or six numbers with heights, which are ignored. West is greater than east
        if the box crosses the antimeridian.

    Raises
    ------
    HttpError
        400, if they are not a bounding box.
    """
    if not isinstance(values, (list, tuple)) or len(values) not in (4, 6):
        raise HttpError(400, "bbox: it has four numbers: west, south, east, north; or six, with heights.")
    numbers: List[float] = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
            raise HttpError(400, "bbox: its values are finite numbers.")
        numbers.append(float(value))
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    if half == 3 and numbers[2] > numbers[5]:
        raise HttpError(400, "bbox: the lower height is greater than the upper one.")
    if south > north:
        raise HttpError(400, "bbox: south is greater than north.")
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:
        raise HttpError(400, "bbox: its longitudes are within ±180, its latitudes within ±90.")
    boxes: Sequence[Bounds] = [(west, south, east, north)]
    if west > east:
        boxes = [(west, south, 180.0, north), (-180.0, south, east, north)]
    return Area.of_boxes(boxes)


def box_of(footprint: BaseGeometry) -> List[float]:
    """Return the bounding box of a footprint, with west greater than east if it crosses the antimeridian.

    Parameters
    ----------
    footprint : shapely geometry
        Within ±180°, cut at the antimeridian.

    Returns
    -------
    list of float
        West, south, east, north in degrees.
    """
    found = sides(footprint)
    if len(found) == 1:
        return list(found[0])
    western, eastern = sorted(found)
    return [eastern[0], min(western[1], eastern[1]), western[2], max(western[3], eastern[3])]
