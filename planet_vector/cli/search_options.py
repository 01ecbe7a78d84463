"""Conversion of the flags of a search to a catalog and a query."""

from __future__ import annotations

import functools
import sys
from typing import Any, Callable, Optional, Tuple

import planet_vector
from planet_vector.area_inputs import area_in, area_of_file, area_text
from planet_vector.catalog import Catalog
from planet_vector.catalog.protocol import expanded
from planet_vector.cli.options import search_flags
from planet_vector.comparisons import sign_advice
from planet_vector.errors import NameSyntaxError, QueryError
from planet_vector.names import OF_SERVICE, Name, is_name, parse_name, shown
from planet_vector.query import Query
from planet_vector.search_terms import query_of

_FLAGS = {
    "datetime": "--acquired", "published": "--published", "since": "--since", "cloud_cover": "--cloud-cover",
}  # fmt: skip


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
    name = parse_name(area) if area is not None and is_name(area) else None
    if name is not None and (not name.collection or name.is_basemap):
        raise _no_search(str(area))
    catalog = planet_vector.connect(connection or (name.service if name else None))
    if name is not None:
        name = _search_name(catalog, name, str(area), scene_type)
    schema = catalog.schema(name.collection if name else scene_type or default_type(catalog))
    for field, _, _ in where:
        if advice := sign_advice(field):
            raise QueryError(advice)  # a comparison in one word: --where has swallowed the next two arguments
    query = query_of(
        schema,
        [pair for pair in name.parameters if pair[0] not in OF_SERVICE] if name else [],
        bbox=bbox,
        intersects=read_area(area) if area is not None and not name else None,
        datetime=acquired,
        published=published,
        since=since,
        cloud_cover=cloud_cover,
        where=[(f"{field}.{comparator}", value) for field, comparator, value in where],
        order=order,
        limit=limit,
        spelled=_FLAGS.__getitem__,
    )
    return catalog, query


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
    if name.item and not name.is_basemap:
        catalog = planet_vector.connect(connection or name.service)
        found = [each for _, each in expanded(catalog, name) if each.item]
        if len(found) == 1:
            return catalog, found[0].collection, found[0].item
    raise NameSyntaxError(f"{text!r} names no scene: write PLANET:<scene type>/<scene id>.")


def read_area(text: str) -> str:
    """Return the area of an argument, as WKT or GeoJSON text.

    Parameters
    ----------
    text : str
        WKT or GeoJSON; a path, as `planet_vector.area_inputs.area_of_file` takes it; ``@`` and a path; or ``-`` for
        standard input.

    Raises
    ------
    QueryError
        If it is none of these.
    """
    if text in ("-", "@-"):
        return area_in(sys.stdin.read(), "standard input")
    return area_of_file(text[1:]) if text.startswith("@") else area_text(text)


def _search_name(catalog: Catalog, name: Name, text: str, scene_type: Optional[str]) -> Name:
    """Return the one search that a name stands for, of the scene type if one is given."""
    found = [each for _, each in expanded(catalog, name)]
    types = list(dict.fromkeys(each.collection for each in found))
    if any(each.item for each in found):
        raise _no_search(text)
    if found and scene_type not in (None, *types):
        raise NameSyntaxError(
            f"The name says {', '.join(types)!r} and --scene-type says {scene_type!r}: give one of them."
        )
    found = [each for each in found if scene_type in (None, each.collection)]
    if len(found) != 1:
        several = scene_type is None and len(types) > 1
        remedy = f"choose by --scene-type, of {', '.join(types)}" if several else "name one of them"
        raise NameSyntaxError(f"{shown(text)} names {len(found)} searches: {remedy}.")
    return found[0].without(["fields", "product"])


def _no_search(text: str) -> NameSyntaxError:
    told = f"{text.partition('?')[0]!r} is not the name of a search: write PLANET:<scene type>?<parameters>."
    return NameSyntaxError(told)
