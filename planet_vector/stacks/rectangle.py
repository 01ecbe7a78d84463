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
    """Return the rectangle of the largest area inside a polygon, along the axes unless said otherwise.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        Of any shape, holes too, in the coordinates of a plane. Of several parts the rectangle lies in one, or across
        those that share an edge.
    aspect : float, optional
        Width over height; by default any.
    angle : float or "any", optional
        Of the width against the x axis, in degrees, anticlockwise; by default 0. "any" takes the best.
    tolerance : float
        The share of the largest possible area that the rectangle may lack. In a convex polygon it lacks nothing, unless
        `aspect` is given or `angle` is "any". The time for any polygon is bounded, some seconds for one of a thousand
        positions: where less is proved until then, a `RectangleWarning` says how much the rectangle may lack.

    Returns
    -------
    shapely.Polygon
        Never outside the polygon, not even by rounding: its sides are drawn in by some 1e-14 of the coordinates. Empty
        when the polygon is.

    Raises
    ------
    ValueError
        If an argument makes no sense.
    """
    area = shapely.union_all(shapely.make_valid(polygon))
    parts = [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    corners = largest_rectangle_within(
        [[ring.coords for ring in (part.exterior, *part.interiors)] for part in parts], aspect, angle, tolerance
    )
    return shapely.Polygon(corners)
