"""The largest rectangle inside a shapely polygon."""

from __future__ import annotations

from typing import Any, Optional, Union

import shapely

from planet_vector.stacks.rectangle_search import TOLERANCE, largest_rectangle_within


def largest_rectangle(
    polygon: Any,
    *,
    aspect: Optional[float] = None,
    angle: Union[None, float, str] = None,
    tolerance: float = TOLERANCE,
) -> shapely.Polygon:
    """Return the largest rectangle inside a polygon, by default along the axes.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        Any shape, with or without holes, in planar coordinates. With several parts, the rectangle lies in one of them,
        or in several that share an edge.
    aspect : float, optional
        Width over height; by default any.
    angle : float or "any", optional
        Angle of the width from the x axis, in degrees, anticlockwise; by default 0. "any" finds the best.
    tolerance : float
        The share of the largest possible area that the rectangle may lack. In a convex polygon it lacks nothing, unless
        `aspect` is given or `angle` is "any". The time is limited for any polygon, to some seconds for one of a
        thousand positions. If the tolerance is not proved by then, a `RectangleWarning` states how much it may lack.

    Returns
    -------
    shapely.Polygon
        Never outside the polygon, not even by rounding: its sides are moved inwards by some 1e-14 of the coordinates.
        Empty if the polygon is.

    Raises
    ------
    ValueError
        If an argument is invalid.
    """
    area = shapely.union_all(shapely.make_valid(polygon))
    parts = [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    corners = largest_rectangle_within(
        [[ring.coords for ring in (part.exterior, *part.interiors)] for part in parts], aspect, angle, tolerance
    )
    return shapely.Polygon(corners)
