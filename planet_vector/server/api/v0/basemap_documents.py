"""Basemaps and their quads as JSON documents."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import shapely

from planet_vector.server.api.basemap_definitions import BasemapDefinition
from planet_vector.server.api.basemap_layouts import BasemapLayout, Member
from planet_vector.server.api.visible_basemaps import VisibleBasemap
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.scene_search import Parameters, encode, parse_count
from planet_vector.server.index.searched_area import Area
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import QUAD_SIZE, Quad, resolution
from planet_vector.times import format_time, parse_time

_PAGE = ("_page.updated.lt", "_page.updated.gt", "_page.id")


def describe_basemap(basemap: BasemapDefinition, layout: BasemapLayout, base: str) -> Dict[str, Any]:
    """Return the JSON object of the basemap.

    Parameters
    ----------
    basemap : BasemapDefinition
        The basemap.
    layout : BasemapLayout
        Layout for the requesting key.
    base : str
        Root address of the service, for links.
    """
    members = layout.members
    times = sorted(member.acquired for member in members)
    address = f"{base}/v0/mosaics/{basemap.name}"
    return {
        "coordinate_system": "EPSG:3857",
        "datatype": "byte",
        "first_acquired": times[0] if times else None,
        "last_acquired": times[-1] if times else None,
        "level": basemap.level,
        "links": {
            "quadmap": f"{address}/quad-map.png",
            "quads": f"{address}/quads/",
            "self": address,
            "tiles": f"{base}/tiles{{0-3}}/v0/mosaics/{basemap.name}/{{z}}/{{x}}/{{y}}.png",
        },
        "name": basemap.name,
        "quad_pattern": "L{glevel:d}-{tilex:04d}E-{tiley:04d}N",
        "quad_size": QUAD_SIZE,
        "resolution": resolution(basemap.level),
        "title": basemap.title,
    }


def describe_quad(basemap: BasemapDefinition, quad: Quad, members: Sequence[Member], base: str) -> Dict[str, Any]:
    """Return the GeoJSON Feature of a quad.

    Parameters
    ----------
    basemap : BasemapDefinition
        The basemap.
    quad : Quad
        The quad.
    members : sequence of Member
        Its scenes; at least one.
    base : str
        Root address of the service, for links.
    """
    west, south, east, north = (round(value, 10) for value in quad.lonlat)
    address = f"{base}/v0/mosaics/{basemap.name}"
    frame = shapely.box(*quad.bounds)
    covered = shapely.union_all([member.footprint.intersection(frame) for member in members]).area / frame.area
    ring = [[west, north], [west, south], [east, south], [east, north], [west, north]]
    return {
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "type": "Feature",
        "id": quad.id,
        "properties": {
            "updated": max(member.updated for member in members),
            "num_input_scenes": len(members),
            "links": {
                "self": f"{address}/quads/{quad.id}",
                "full": f"{address}/quads/{quad.id}/full",
                "thumbnail": f"{address}/quads/{quad.id}/thumb",
                "mosaic": address,
                "scenes": f"{address}/quads/{quad.id}/scenes/",
            },
            "percent_covered": round(100 * min(covered, 1.0), 2),
        },
    }


def quad_page(seen: VisibleBasemap, parameters: Parameters, base: str, patience: Patience) -> Mapping[str, Any]:
    """Return a page of the quads of a basemap as a GeoJSON FeatureCollection, the last updated first.

    Parameters
    ----------
    seen : VisibleBasemap
        The basemap, as the key of the request may see it.
    parameters : list of (str, str)
        Parameters of the request.
    base : str
        Root address of the service, for links.
    patience : Patience
        Time limit and cancellation.

    Raises
    ------
    HttpError
        400 for an invalid parameter, 422 if the basemap has too many quads, 503 if the time is used up.
    ClientGone
        If the client has disconnected.
    """
    single = dict(parameters)
    unknown = [name for name in single if name not in ("count", "intersects", *_PAGE)]
    if unknown or len(single) < len(parameters):
        raise HttpError(400, "A list of quads takes only the parameters count and intersects, once each.")
    count = parse_count(single.get("count"))
    quads = seen.layout(patience).quads(patience)
    ordered = _ordered(quads, single.get("intersects"), patience)
    page, backwards = ordered, "_page.updated.gt" in single
    token = single.get("_page.updated.gt" if backwards else "_page.updated.lt")
    if token is not None:
        try:
            edge = (format_time(parse_time(token)), single.get("_page.id", "" if not backwards else "~"))
        except ValueError as error:
            raise HttpError(400, f"_page.updated: {error}.") from None
        page = [item for item in ordered if (item[:2] > edge if backwards else item[:2] < edge)]
    page = page[-count:] if backwards else page[:count]
    address = f"{base}/v0/mosaics/{seen.basemap.name}/quads/"
    query = [(name, value) for name, value in parameters if name not in _PAGE]

    def link(extra: Parameters) -> str:
        text = encode([*query, *extra])
        return f"{address}?{text}" if text else address

    def beyond(item: Tuple[str, str, Quad], side: int, comparator: str) -> str:
        near = ordered.index(item) + side
        tied = 0 <= near < len(ordered) and ordered[near][0] == item[0]
        return link([(f"_page.updated.{comparator}", item[0]), *([("_page.id", item[1])] if tied else [])])

    features = []
    for _, _, quad in page:
        patience.check()
        features.append(describe_quad(seen.basemap, quad, quads[quad], base))
    return {
        "type": "FeatureCollection",
        "features": features,
        "links": {
            "next": beyond(page[-1], 1, "lt") if page else None,
            "self": link([(name, value) for name, value in parameters if name in _PAGE]),
            "prev": beyond(page[0], -1, "gt") if page else None,
            "first": link([]),
        },
    }


def _ordered(
    found: Mapping[Quad, Sequence[Member]], intersects: Optional[str], patience: Patience
) -> List[Tuple[str, str, Quad]]:
    """Return (update time, id, quad) of the quads that intersect an area, last updated first."""
    area = Area(intersects, patience) if intersects is not None else None
    quads = list(found)
    if area is not None:
        hits: List[Quad] = []
        for start in range(0, len(quads), area.at_once):
            patience.check()
            piece = quads[start : start + area.at_once]
            boxes = [shapely.to_wkb(shapely.box(*quad.lonlat)) for quad in piece]
            hits += [quad for quad, hit in zip(piece, area.intersects(boxes)) if hit]
        quads = hits
    items = [(max(member.updated for member in found[quad]), quad.id, quad) for quad in quads]
    return sorted(items, reverse=True)
