"""Conversion of the flags of a search to a catalog and a query."""

from __future__ import annotations

import functools
import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Iterator, List, Mapping, Optional, Tuple

import planet_vector
from planet_vector.catalog import Catalog
from planet_vector.cli.json_input import objects
from planet_vector.cli.options import search_flags
from planet_vector.cli.vector_files import how_to_read
from planet_vector.collection_schema import CollectionSchema, SceneField
from planet_vector.comparisons import sign_advice
from planet_vector.errors import NameSyntaxError, QueryError
from planet_vector.names import OF_SERVICE, Name, is_name, parse_name
from planet_vector.query import Query, before
from planet_vector.times import format_time, parse_time, two_times

Parameters = List[Tuple[str, str]]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_WKT = re.compile(r"\s*(?:SRID=\d+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b", re.IGNORECASE)
_LONGITUDE_LATITUDE = re.compile(r"CRS:?84|EPSG:+4326", re.IGNORECASE)


def searching(function: Callable[..., None]) -> Callable[..., None]:
    """Add the flags of a search to a command, and call it with ``catalog`` and ``query`` instead.

    Parameters
    ----------
    function : callable
        The command; takes ``catalog`` and ``query``, and its own flags.

    Returns
    -------
    callable
        The command with the flags.
    """

    @functools.wraps(function)
    def command(**given: Any) -> None:
        catalog, query = search_of(**{flag: given.pop(flag) for flag in SEARCH_FLAGS})
        function(catalog=catalog, query=query, **given)

    return search_flags(command)


SEARCH_FLAGS = (
    "area", "scene_type", "bbox", "where", "since", "acquired", "published", "cloud_cover", "order", "limit",
    "connection",
)  # fmt: skip
"""The parameters of `planet_vector.cli.options.search_flags`."""


def search_of(
    area: Optional[str],
    scene_type: Optional[str],
    bbox: Optional[str],
    where: Tuple[Tuple[str, str, str], ...],
    since: Optional[str],
    acquired: Optional[str],
    published: Optional[str],
    cloud_cover: Optional[float],
    order: Optional[str],
    limit: Optional[int],
    connection: Optional[str],
) -> Tuple[Catalog, Query]:
    """Return the service and the query for the flags of a search.

    Parameters
    ----------
    area : str, optional
        The argument AREA: WKT, GeoJSON, a path, ``-`` or the PLANET: name of a search.
    scene_type : str, optional
        ``--scene-type``; by default the service's first.
    bbox : str, optional
        ``W,S,E,N`` in degrees.
    where : tuple of (str, str, str)
        Field, comparator and value of each ``--where``.
    since : str, optional
        An age such as ``3d``.
    acquired, published : str, optional
        A time window ``A..B``.
    cloud_cover : float, optional
        The greatest cloud cover, percent.
    order : str, optional
        ``desc`` or ``asc``, by time of acquisition.
    limit : int, optional
        The greatest number of scenes.
    connection : str, optional
        A connection's name, or the root of an API.

    Raises
    ------
    QueryError
        If a flag is invalid, or the service does not support it.
    NameSyntaxError
        If the name in AREA is not that of a search.
    """
    name = _search_name(area, scene_type) if area is not None and is_name(area) else None
    catalog = planet_vector.connect(connection or (name.service if name else None))
    schema = catalog.schema(name.collection if name else scene_type or default_type(catalog))
    parameters = [pair for pair in name.parameters if pair[0] not in OF_SERVICE] if name else []
    if area is not None and not is_name(area):
        parameters.append(("intersects", read_area(area)))
    for field, comparator, value in where:
        if advice := sign_advice(field):
            raise QueryError(advice)  # a comparison in one word: --where has swallowed the next two arguments
        parameters.append((f"{field}.{comparator}", value))
    meanings = schema.meanings
    if since:
        parameters.append((f"{meanings.time}.gte", format_time(_ago(since))))
    for flag, column, span in (("acquired", meanings.time, acquired), ("published", meanings.published, published)):
        parameters += _span(flag, _meant(schema, flag, column), span) if span else []
    if cloud_cover is not None:
        cover = _meant(schema, "cloud-cover", meanings.cloud_cover)
        parameters.append((f"{cover.name}.lte", repr(meanings.cover_of_percent(cloud_cover))))
    if order:
        parameters.append(("order_by", f"{meanings.time} {order}"))
    parameters += [(key, str(value)) for key, value in (("bbox", bbox), ("limit", limit)) if value is not None]
    return catalog, Query.parse(schema, parameters)


def default_type(catalog: Catalog) -> str:
    """Return the default collection of a service.

    Parameters
    ----------
    catalog : Catalog
        The service.

    Raises
    ------
    QueryError
        If the service has no default.
    """
    if not catalog.known_types:
        raise QueryError("Say which collection: --scene-type NAME, one of those that 'planet-vector types' lists.")
    return catalog.known_types[0]


def _meant(schema: CollectionSchema, flag: str, name: Optional[str]) -> SceneField:
    """Return the field for a flag."""
    field = schema.fields.get(name) if name else None
    if field is None:
        raise QueryError(f"--{flag}: the service cannot search {schema.collection} by that.")
    return field


def one_scene(text: str, scene_type: Optional[str], connection: Optional[str]) -> Tuple[Catalog, str, str]:
    """Return the service, the scene type and the id of a scene.

    Parameters
    ----------
    text : str
        The scene's id or its PLANET: name.
    scene_type : str, optional
        The type of a scene given by its id; by default the service's first.
    connection : str, optional
        A connection's name, or the root of an API.

    Raises
    ------
    NameSyntaxError
        If the name is not that of a scene.
    """
    if not is_name(text):
        catalog = planet_vector.connect(connection)
        return catalog, scene_type or default_type(catalog), text
    name = parse_name(text)
    if not name.item or name.is_basemap:
        raise NameSyntaxError(f"{text!r} names no scene: write PLANET:<scene type>/<scene id>.")
    return planet_vector.connect(connection or name.service), name.collection, name.item


def read_area(text: str) -> str:
    """Return the area of an argument, as WKT or GeoJSON text.

    Parameters
    ----------
    text : str
        WKT or GeoJSON; a path; ``@`` and a path; or ``-`` for standard input. In a file, GeoJSON may also be a
        sequence of features, as ``fio cat`` prints it.

    Raises
    ------
    QueryError
        If it is none of these.
    """
    if text in ("-", "@-"):
        return area_in(sys.stdin.read(), "standard input")
    if text.startswith("@"):
        return _area_of_file(Path(text[1:]), text)
    if is_area(text):
        return area_in(text, "the area")
    if not Path(text).exists():
        raise QueryError(
            f"{text!r} is no area, and there is no such file: it takes WKT, GeoJSON, the path of a file with one of "
            "them, '-' for stdin, or a PLANET: name."
        )
    return _area_of_file(Path(text), text)


def is_area(text: str) -> bool:
    """Return whether an argument is WKT or GeoJSON itself, well-formed or not.

    Parameters
    ----------
    text : str
        The argument.
    """
    return text.lstrip().startswith("{") or bool(_WKT.match(text))


def _search_name(text: str, scene_type: Optional[str]) -> Name:
    name = parse_name(text)
    if not name.collection or name.item or name.is_basemap:
        raise NameSyntaxError(
            f"{text.partition('?')[0]!r} is not the name of a search: write PLANET:<scene type>?<parameters>."
        )
    if scene_type not in (None, name.collection):
        raise NameSyntaxError(
            f"The name says {name.collection!r} and --scene-type says {scene_type!r}: give one of them."
        )
    return name.without(["fields", "product"])


def _area_of_file(path: Path, given: str) -> str:
    """Return the area in a file."""
    try:
        return area_in(path.read_text(encoding="utf-8-sig"), str(path))
    except (UnicodeDecodeError, IsADirectoryError, PermissionError, NotInDegrees, NeitherOfBoth) as error:
        if isinstance(error, PermissionError) and not path.is_dir():  # Windows raises it for folders, too
            raise
        told = str(error).rstrip(".") if isinstance(error, QueryError) else f"{path} holds neither GeoJSON nor WKT"
        raise QueryError(f"{told}: {how_to_read(path, given)}") from None


class NeitherOfBoth(QueryError):
    """Raised if a text is neither GeoJSON nor WKT."""


class NotInDegrees(QueryError):
    """Raised if GeoJSON specifies another coordinate system than longitude and latitude."""


def area_in(text: str, origin: str) -> str:
    """Return the area in a text: WKT unchanged, of GeoJSON only the geometries.

    Properties are not sent to the service.

    Parameters
    ----------
    text : str
        WKT or GeoJSON.
    origin : str
        The source of the text, for errors.

    Raises
    ------
    QueryError
        If the text contains no geometry, is not valid, or is not in degrees.
    """
    if _WKT.match(text):
        return text.strip()
    found = list(objects(text, origin))
    geometries = [geometry for item in found for geometry in _geometries(item, origin)]
    if not geometries:
        raise QueryError(f"There is no geometry in {origin}: it takes GeoJSON or WKT.")
    if len(geometries) == 1:
        return json.dumps(geometries[0])
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    return json.dumps({"type": "FeatureCollection", "features": features})


def _geometries(item: Any, origin: str) -> Iterator[Mapping[str, Any]]:
    if not isinstance(item, dict):
        raise NeitherOfBoth(f"There is neither GeoJSON nor WKT in {origin}.")
    if item.get("crs") and not _LONGITUDE_LATITUDE.search(json.dumps(item["crs"])):
        raise NotInDegrees(f"The GeoJSON in {origin} is not in longitude and latitude, so reproject it to EPSG:4326.")
    if item.get("type") == "FeatureCollection" and isinstance(item.get("features"), list):
        for feature in item["features"]:
            yield from _geometries(feature, origin)
    elif item.get("type") == "Feature":
        if item.get("geometry"):
            yield from _geometries(item["geometry"], origin)
    else:
        yield {key: value for key, value in item.items() if key in ("type", "coordinates", "geometries")}


def _ago(age: str) -> datetime:
    match = re.fullmatch(r"(\d{1,6})([mhdw])", age.strip())
    if match is None:
        since = f"; from a date on is '--acquired {age.strip()}..'" if _DATE.fullmatch(age.strip()) else ""
        raise QueryError(f"--since is {age!r}: it takes a number and m, h, d or w, such as 3d{since}.")
    try:
        return datetime.now(timezone.utc) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        raise QueryError(f"--since is {age!r}: that is before all time.") from None


def _span(flag: str, field: SceneField, text: str) -> Parameters:
    """Return the comparisons of ``A..B``; a bare date stands for its whole day, at either end."""
    low, dots, high = (part.strip() for part in text.partition(".."))
    high = high if dots else low
    if not low and not high:
        raise QueryError(f"--{flag} is {text!r}: it takes A..B, A.., ..B or one date.")
    ends = two_times(text)
    if ends and ends != (low, high):
        raise QueryError(f"--{flag} is {text!r}: an interval has two dots, so write '{'..'.join(ends)}'.")
    try:
        first = parse_time(low) if low else None
        last = parse_time(high) if high else None
        day_after = last + timedelta(days=1) if last and _DATE.fullmatch(high) else None
    except (ValueError, OverflowError) as error:
        raise QueryError(f"{field.name}: {error}.") from None
    if first and last and first > last:
        raise QueryError(f"--{flag} is {text!r}, from a later time to an earlier one: write {high}..{low}.")
    found = [(f"{field.name}.gte", low)] if low else []
    if day_after:
        found.append(before(field, day_after).parameter)
    elif high:
        found.append((f"{field.name}.lte", high))
    return found
