"""Outlines that metadata files state as positions."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from planet_vector.geometry.antimeridian import cut, reaches_across


def outline_of(positions: Sequence[Sequence[Optional[float]]]) -> Optional[Dict[str, object]]:
    """Return an outline as a GeoJSON geometry, cut at the antimeridian.

    Parameters
    ----------
    positions : sequence of (float, float)
        Longitude and latitude in degrees; the last may repeat the first. None is a missing number.

    Returns
    -------
    dict or None
        None if there are fewer than three positions, or one is missing or not on the globe.
    """
    ring: List[Tuple[float, float]] = []
    for lon, lat, *_ in positions:
        if lon is None or lat is None or not (-180 <= lon <= 180 and -90 <= lat <= 90):
            return None
        ring.append((lon, lat))
    if len(set(ring)) < 3:
        return None
    if ring[0] != ring[-1]:
        ring.append(ring[0])
    if not reaches_across(ring):
        return {"type": "Polygon", "coordinates": [[list(position) for position in ring]]}
    try:
        parts = cut([ring])
    except ValueError:
        return None
    coordinates = [[[list(position) for position in part_ring] for part_ring in part] for part in parts]
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}
