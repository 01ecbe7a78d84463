"""Time series of an expression of bands at places: the scenes of a search, read side by side."""

from __future__ import annotations

from contextlib import closing
from dataclasses import astuple, fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import shapely

from planet_vector.bands.expressions import Expression, parse_expression
from planet_vector.bands.finding import BandPlace, find_bands
from planet_vector.bands.masks import parse_mask
from planet_vector.catalog import Catalog, catalog_of_scenes
from planet_vector.errors import ExpressionError, PlanetVectorError, ProtocolError
from planet_vector.extras import named_extra
from planet_vector.names import Name, parse_name
from planet_vector.progress import Progress, bar_for
from planet_vector.query import Query
from planet_vector.raster.indices import known_bands
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.raster.scene_files import scene_file
from planet_vector.scene import Scene
from planet_vector.series.journal import Results, opened_journal
from planet_vector.series.places import Place, box_around, places_of, sides_of
from planet_vector.series.sampling import Scaling, Statistics, sample_scene, statistics_of
from planet_vector.vector.search import search as search_for
from planet_vector.vector.search_view import Search

if TYPE_CHECKING:
    import pandas

    from planet_vector.series.places import Given


class Observation(NamedTuple):
    """Values of a place in one scene.

    Attributes
    ----------
    place, scene : str
        Their ids.
    acquired : datetime or None
        Acquisition time, in UTC; None if the scene failed because it has none.
    statistics : Statistics
        Of the values of the expression; without values if the scene failed.
    error : str
        Why the scene failed; empty if it did not.
    """

    place: str
    scene: str
    acquired: Optional[datetime]
    statistics: Statistics
    error: str = ""


_AS_STORED = Scaling()


class _Task(NamedTuple):
    scene: Scene
    places: Sequence[Place]


def timeseries(
    search: Union[str, Query, Iterable[Scene]],
    places: Given,
    expression: str,
    *,
    product: Optional[str] = None,
    mask: Optional[str] = None,
    scale: Optional[float] = None,
    offset: Optional[float] = None,
    id_property: Optional[str] = None,
    journal: Union[None, str, Path] = None,
    keep_going: bool = False,
    progress: Union[bool, Progress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> pandas.DataFrame:
    """Return the values of an expression of bands at points or in polygons, scene by scene.

    Only the pixels of the places are read, from several scenes at once. Of a point it is the nearest pixel, the one
    that contains it; of a polygon, the pixels whose centre is inside. If the bands are in files on different grids,
    pixels are those of the finest, and the others are sampled at their centres.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The scenes, such as ``PLANET:ortho?acquired.gte=2015-04-01`` or
        ``STAC:earth-search/sentinel-2-l2a?datetime=2024-05``. A name without an area and a limit is searched around the
        places. A scene is read for the places that its footprint touches.
    places : GeoDataFrame, GeoSeries, shapely geometry, mapping, str, or iterable of these
        Points or polygons, as for `planet_vector.series.places.places_of`.
    expression : str
        Arithmetic on bands such as ``(nir - red) / (nir + red)``, the name of an index such as ``ndvi``, or a band,
        as for `planet_vector.bands.expressions.parse_expression`. Bands are named as for
        `planet_vector.bands.finding.find_bands`.
    product : str, optional
        The product that has the bands; by default they are found among the products of each scene.
    mask : str, optional
        What to hide by the scenes' masks of usable pixels, such as ``clouds,haze,shadow``, as for
        `planet_vector.bands.masks.parse_mask`. Hidden pixels are missing. A scene without its mask is an error.
    scale, offset : float, optional
        The values of bands are ``pixel * scale + offset``; by default as the file states, else the service.
    id_property : str, optional
        Column or property with the ids of the places.
    journal : str or Path, optional
        A file to which each finished scene is appended. A series with the same journal, places and expression continues
        where it was interrupted, and reads only scenes that are not in it.
    keep_going : bool
        Continue if a scene fails: its rows have no values, and the reason in a column ``error``.
    progress : bool or callable, optional
        Show a bar, in a terminal or a notebook; or a callback, called with the number of scenes done and in all.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    pandas.DataFrame
        A row for each place and scene, by place and time: ``place``, ``scene``, ``acquired`` (UTC), and for points
        ``value``, for polygons ``mean``, ``median``, ``min``, ``max``, ``std`` (``ddof=0``) and ``count`` of the valid
        pixels. ``valid`` is the share of the place's pixels that have data, from 0 to 1. Values are NaN where it is 0,
        and where a polygon contains no centre of a pixel, which has no share. If points and polygons are mixed, points
        have the columns of polygons.

    Raises
    ------
    ExpressionError
        If the expression is invalid, or a scene lacks one of its bands.
    QueryError
        If the search or a place is invalid, or the expression needs reflectance and the pixels are integers without a
        scale.
    ConfigError
        If the journal is of other places, another expression or another mask.
    RasterAccessError, ServiceError
        If a scene cannot be read; finished scenes are in the journal.
    """
    with named_extra():
        import pandas

    given = places_of(places, id_property)
    rows = observations(
        search,
        given,
        expression,
        product=product,
        mask=mask,
        scaling=Scaling(scale, offset),
        journal=None if journal is None else Path(journal),
        keep_going=keep_going,
        progress=bar_for(progress, "Scenes"),
        connection=connection,
        key=key,
    )
    points = only_points(given)
    records = [record_of(row, points, keep_going) for row in rows]
    frame = pandas.DataFrame(records, columns=fields_of(points, keep_going))
    frame["acquired"] = pandas.to_datetime(frame["acquired"], utc=True)
    return frame


def observations(
    search: Union[str, Query, Iterable[Scene]],
    places: Sequence[Place],
    expression: str,
    *,
    product: Optional[str] = None,
    mask: Optional[str] = None,
    scaling: Scaling = _AS_STORED,
    journal: Optional[Path] = None,
    keep_going: bool = False,
    progress: Progress = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> List[Observation]:
    """Return the observations of a time series, by place in their order, and time.

    Parameters
    ----------
    search, expression, product, mask, journal, keep_going, connection, key
        As for `timeseries`.
    places : sequence of Place
        The places.
    scaling : Scaling
        Conversion of pixels to values.
    progress : callable, optional
        Called with the number of scenes done and in all.
    """
    parsed = parse_expression(expression)
    hidden = None if mask is None else ",".join(parse_mask(mask))
    catalog, scenes = _scenes(search, places, connection, key)
    tasks = list(_touching(scenes, places))
    inputs = {
        "root": catalog.settings.api_url,
        "expression": parsed.text,
        "product": product,
        "mask": hidden,
        "scaling": [None if each is None else float(each) for each in scaling],
        "places": [[place.id, place.geometry.wkb_hex] for place in places],
    }
    found: List[Observation] = []
    with opened_journal(journal, inputs) as kept:

        def read(task: _Task, alive: Alive) -> Tuple[datetime, Results]:
            acquired = task.scene.acquired
            results = kept.results(task.scene) if kept is not None else None
            if results is None or not {place.id for place in task.places} <= set(results):
                results = _read(catalog, task, parsed, product, hidden, scaling, alive)
                if kept is not None:
                    kept.append(task.scene, results)
            return acquired, results

        with closing(in_parallel(read, tasks, catalog.settings.connections)) as outcomes:
            for number, (task, outcome) in enumerate(outcomes, 1):
                if isinstance(outcome, PlanetVectorError):
                    if not keep_going:
                        raise outcome
                    found += _failed(task, outcome)
                else:
                    acquired, results = outcome
                    found += [Observation(each.id, task.scene.id, acquired, results[each.id]) for each in task.places]
                if progress:
                    progress(number, len(tasks))
    order = {place.id: number for number, place in enumerate(places)}
    latest = datetime.max
    return sorted(found, key=lambda row: (order[row.place], (row.acquired or latest).replace(tzinfo=None), row.scene))


def search_around(catalog: Catalog, query: Query, places: Sequence[Place]) -> Search:
    """Return a search; one without an area and a limit is narrowed to the box around places.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search.
    places : sequence of Place
        The places.
    """
    if query.limit is None:  # otherwise an area would change which scenes are the first
        query = query.where(area=box_around(places))
    limit = () if query.limit is None else (("limit", str(query.limit)),)
    return Search(catalog, query, Name(query.scene_type, parameters=(*query.parameters, *limit)))


def only_points(places: Sequence[Place]) -> bool:
    """Return whether no place is a polygon.

    Parameters
    ----------
    places : sequence of Place
        The places.
    """
    return all(place.is_point for place in places)


def fields_of(points: bool, keep_going: bool) -> List[str]:
    """Return the names of the columns of a series.

    Parameters
    ----------
    points : bool
        Whether no place is a polygon.
    keep_going : bool
        Whether there is a column for errors.
    """
    values = ["value", "valid"] if points else [field.name for field in fields(Statistics)]
    return ["place", "scene", "acquired", *values, *(["error"] if keep_going else [])]


def record_of(row: Observation, points: bool, keep_going: bool) -> Tuple[object, ...]:
    """Return an observation as the values of `fields_of`.

    Parameters
    ----------
    row : Observation
        The observation.
    points, keep_going
        As for `fields_of`.
    """
    values = (row.statistics.mean, row.statistics.valid) if points else astuple(row.statistics)
    return (row.place, row.scene, row.acquired, *values, *((row.error,) if keep_going else ()))


def _scenes(
    search: Union[str, Query, Iterable[Scene]], places: Sequence[Place], connection: Optional[str], key: Optional[str]
) -> Tuple[Catalog, Iterable[Scene]]:
    """Return the service and the scenes; a whole search without an area gets the box around the places."""
    if not isinstance(search, (str, Query)):
        if isinstance(search, Search) and not connection and not key:
            return search.catalog, search
        scenes = list(search)
        return catalog_of_scenes(scenes, connection, key), scenes
    found = search_for(search, connection=connection, key=key)
    of_one_scene = isinstance(search, str) and parse_name(search).item
    return found.catalog, found if of_one_scene else search_around(found.catalog, found.query, places)


def _touching(scenes: Iterable[Scene], places: Sequence[Place]) -> Iterator[_Task]:
    """Yield the scenes with the places that their footprints touch; without a valid footprint, with all."""
    sides = [(number, side) for number, place in enumerate(places) for side in sides_of(place)]
    tree = shapely.STRtree([side for _, side in sides])
    for scene in scenes:
        try:
            footprint = scene.footprint
        except ProtocolError:
            footprint = shapely.MultiPolygon()
        if footprint.is_empty:
            yield _Task(scene, places)
            continue
        found = tree.query(shapely.make_valid(footprint), predicate="intersects").tolist()
        touched = sorted({sides[at][0] for at in found})
        if touched:
            yield _Task(scene, [places[number] for number in touched])


def _read(
    catalog: Catalog,
    task: _Task,
    expression: Expression,
    product: Optional[str],
    mask: Optional[str],
    scaling: Scaling,
    alive: Alive,
) -> Results:
    scene = task.scene
    if product is not None:
        scene.asset(product)  # raises an error that lists the products
    try:
        bands = _found(catalog, scene, expression, product)
    except ExpressionError as error:
        raise ExpressionError(f"Scene {scene.id}: {error}", error.column) from None
    files = {name: scene_file(catalog, scene, name, mask) for name in {place.product for place in bands.values()}}
    found = sample_scene(catalog, files, bands, expression, scaling, task.places, alive)
    return {place.id: statistics for place, statistics in zip(task.places, found)}


def _found(catalog: Catalog, scene: Scene, expression: Expression, product: Optional[str]) -> Dict[str, BandPlace]:
    """Return the places of bands; those of a product whose files differ in them are looked up if they are needed."""
    try:
        return find_bands(expression, scene.assets, product)
    except ExpressionError:
        known = known_bands(catalog, scene, () if product is None else (product,))
        if not any(known.values()):
            raise
    assets = {name: replace(asset, bands=known.get(name) or asset.bands) for name, asset in scene.assets.items()}
    return find_bands(expression, assets, product)


def _failed(task: _Task, error: PlanetVectorError) -> List[Observation]:
    """Return the rows of a scene that failed."""
    try:
        acquired = task.scene.acquired
    except ProtocolError:
        acquired = None
    nothing = statistics_of(np.zeros(0, np.float32), 0)
    return [Observation(place.id, task.scene.id, acquired, nothing, str(error)) for place in task.places]
