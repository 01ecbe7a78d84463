"""Areas that a search takes: WKT, GeoJSON, files of any vector format, and objects of shapely and geopandas.

All become WKT or GeoJSON text in longitude and latitude. GeoJSON and WKT are read with the standard library. Other
files, and GeoJSON in another coordinate system, are read by geopandas, or by fiona.
"""

from __future__ import annotations

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Mapping, Optional, Sequence, Tuple, Union, cast

from planet_vector.collection_schema import Feature
from planet_vector.errors import QueryError
from planet_vector.extras import named_extra
from planet_vector.geometry.boxes import Box
from planet_vector.json_input import objects

if TYPE_CHECKING:
    import geopandas

Area = Union[str, "os.PathLike[str]", Mapping[str, object], Box, object]
"""WKT, GeoJSON (text or dictionary), a path, a `Box`, or an object of shapely or geopandas."""

_WKT = re.compile(r"\s*(?:SRID=\d+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b", re.IGNORECASE)
_LONGITUDE_LATITUDE = re.compile(r"CRS:?84|EPSG:+4326", re.IGNORECASE)
_MOST_LAYERS = 10  # named in an error


class _NeitherOfBoth(QueryError):
    """Raised if a text is neither GeoJSON nor WKT."""


class _NotInDegrees(QueryError):
    """Raised if GeoJSON specifies another coordinate system than longitude and latitude."""


def area_text(area: Area) -> str:
    """Return an area as WKT or GeoJSON text.

    Parameters
    ----------
    area : str, path, mapping, Box or object
        WKT or GeoJSON; the path of a vector file, optionally with a layer, as for `area_of_file`; a GeoJSON object; a
        bounding box; a geometry of shapely in degrees, longitude first, or another object with ``__geo_interface__``;
        a GeoDataFrame or GeoSeries, which is reprojected if it has a coordinate system.

    Raises
    ------
    QueryError
        If it is none of these, or contains no geometry.
    """
    if isinstance(area, Box):
        return area.wkt()
    if isinstance(area, os.PathLike):
        return area_of_file(os.fspath(cast("os.PathLike[str]", area)))
    if isinstance(area, str):
        return area_in(area, "the area") if is_area(area) else area_of_file(area)
    if hasattr(area, "to_crs") and hasattr(area, "crs"):
        return _collected(_frame_geometries(area), "the data frame")
    area = getattr(area, "__geo_interface__", area)
    if not isinstance(area, Mapping):
        hint = "a box is the term bbox" if isinstance(area, (list, tuple)) else "give one"
        raise QueryError(
            f"An area is WKT, GeoJSON, a path, a geometry or a GeoDataFrame, not {type(area).__name__}: {hint}."
        )
    try:
        plain = json.loads(json.dumps(area, default=lambda value: value.tolist()))  # arrays of numpy
    except (AttributeError, TypeError, ValueError, RecursionError):
        raise QueryError("The area is a dictionary, but no GeoJSON: correct it.") from None
    return _collected(_geometries(plain, "the area"), "the area")


def is_area(text: str) -> bool:
    """Return whether a text is WKT or GeoJSON itself, well-formed or not.

    Parameters
    ----------
    text : str
        The text.
    """
    return text.lstrip().startswith("{") or bool(_WKT.match(text))


def area_in(text: str, origin: str) -> str:
    """Return the area in a text: WKT unchanged, of GeoJSON only the geometries.

    Properties are not sent to the service.

    Parameters
    ----------
    text : str
        WKT or GeoJSON, which may also be a sequence of features, as ``fio cat`` prints it.
    origin : str
        The source of the text, for errors.

    Raises
    ------
    QueryError
        If the text contains no geometry, is not valid, or is not in degrees.
    """
    if _WKT.match(text):
        return text.strip()
    found = objects(text, origin)
    return _collected((geometry for item in found for geometry in _geometries(item, origin)), origin)


def area_of_file(text: str) -> str:
    """Return the area in a file.

    Parameters
    ----------
    text : str
        The path of a file of WKT, GeoJSON or any vector format that GDAL reads; for a layer of several, ``PATH:LAYER``.

    Raises
    ------
    QueryError
        If there is no such file or layer, or it contains no geometry.
    """
    path, layer = _path_and_layer(text)
    elsewhere: Optional[_NotInDegrees] = None
    if layer is None:
        try:
            return area_in(path.read_text(encoding="utf-8-sig"), str(path))
        except PermissionError:
            if not path.is_dir():  # Windows raises it for folders, too
                raise
        except _NotInDegrees as error:
            elsewhere = error
        except (UnicodeDecodeError, IsADirectoryError, _NeitherOfBoth):
            pass  # another vector format
    return _collected(_layer_geometries(path, layer, elsewhere), str(path))


def frame_of_file(text: str) -> geopandas.GeoDataFrame:
    """Return the features of a file that is neither WKT nor GeoJSON in degrees, in its coordinate system.

    Parameters
    ----------
    text : str
        As for `area_of_file`.

    Raises
    ------
    QueryError
        If there is no such file or layer.
    """
    return _read_frame(*_path_and_layer(text))


def _path_and_layer(text: str) -> Tuple[Path, Optional[str]]:
    """Return the path and the layer of ``PATH`` or ``PATH:LAYER``."""
    if not text.strip():
        raise QueryError("The area is an empty text: it takes WKT, GeoJSON or the path of a vector file.")
    if Path(text).exists():
        return Path(text), None
    name, _, layer = text.rpartition(":")
    if name and layer and Path(name).exists():
        return Path(name), layer
    raise QueryError(
        f"{text!r} is no area, and there is no such file: it takes WKT, GeoJSON, the path of a vector file, '-' for "
        "stdin at a shell, or a PLANET: name."
    )


def _collected(geometries: Iterator[Feature], origin: str) -> str:
    """Return geometries as one GeoJSON text, without empty ones."""
    found: List[Mapping[str, object]] = [geometry for geometry in geometries if not _is_empty(geometry)]
    if not found:
        raise QueryError(f"There is no geometry in {origin}: it takes GeoJSON, WKT or a vector file.")
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in found]
    try:
        return json.dumps(
            found[0] if len(found) == 1 else {"type": "FeatureCollection", "features": features}, allow_nan=False
        )
    except ValueError:
        raise QueryError(
            f"A coordinate in {origin} is not a finite number, as where its coordinate system is not defined: correct "
            "the geometry, or clip it to the area of the coordinate system."
        ) from None


def _is_empty(geometry: object) -> bool:
    """Return whether lists are all that a geometry has for coordinates."""
    parts = [geometry]
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            parts.append(part.get("geometries", part.get("coordinates", ...)))
        elif isinstance(part, list):
            parts += part
        else:
            return False
    return True


def _geometries(item: object, origin: str) -> Iterator[Feature]:
    if not isinstance(item, Mapping):
        raise _NeitherOfBoth(f"There is neither GeoJSON nor WKT in {origin}: correct it.")
    if item.get("crs") and not _LONGITUDE_LATITUDE.search(json.dumps(item["crs"])):
        raise _NotInDegrees(f"The GeoJSON in {origin} is not in longitude and latitude, so reproject it to EPSG:4326.")
    if item.get("type") == "FeatureCollection" and isinstance(item.get("features"), list):
        for feature in item["features"]:
            yield from _geometries(feature, origin)
    elif item.get("type") == "Feature":
        if item.get("geometry"):
            yield from _geometries(item["geometry"], origin)
    else:
        yield {key: value for key, value in item.items() if key in ("type", "coordinates", "geometries")}


# ---- files of other formats -----------------------------------------------------------------------------------


def _layer_geometries(path: Path, layer: Optional[str], elsewhere: Optional[QueryError]) -> Iterator[Feature]:
    """Return the geometries of a layer in degrees.

    Parameters
    ----------
    path : Path
        The file.
    layer : str, optional
        The layer; by default the only one.
    elsewhere : QueryError, optional
        The error to raise if GDAL finds the layer in degrees, although the file says another coordinate system.
    """
    if find_spec("geopandas") and find_spec("pyogrio"):
        return _by_geopandas(path, layer, elsewhere)
    if find_spec("fiona"):
        return _by_fiona(path, layer, elsewhere)
    raise QueryError(
        f"{path} holds neither GeoJSON nor WKT, and other formats need geopandas: pip install 'planet_vector[geo]', or "
        f"convert it with: ogr2ogr -t_srs EPSG:4326 area.geojson {path}"
    )


def _by_geopandas(path: Path, layer: Optional[str], elsewhere: Optional[QueryError]) -> Iterator[Feature]:
    frame = _read_frame(path, layer)
    if elsewhere is not None and (frame.crs is None or frame.crs.to_epsg() == 4326):
        raise elsewhere
    return _frame_geometries(frame)


def _read_frame(path: Path, layer: Optional[str]) -> geopandas.GeoDataFrame:
    with named_extra():
        import geopandas
        import pyogrio

    if layer is None and path.suffix.lower() in (".parquet", ".geoparquet"):  # GDAL in wheels does not read them
        try:
            return geopandas.read_parquet(path)
        except (ValueError, OSError) as error:
            raise _unreadable(path, error) from None
    try:
        layers = [(str(name), kind is not None) for name, kind in pyogrio.list_layers(path)]
        return geopandas.read_file(path, layer=_layer_of(path, layer, layers), engine="pyogrio")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise _unreadable(path, error) from None


def _frame_geometries(frame: geopandas.GeoDataFrame) -> Iterator[Feature]:
    """Yield the geometries of a GeoDataFrame or GeoSeries, in degrees if its coordinate system is known."""
    from pyproj.exceptions import ProjError

    try:
        placed = frame.geometry.to_crs("EPSG:4326") if frame.crs is not None else frame.geometry
    except ProjError:
        name = " ".join(frame.crs.name.split())[:80]
        raise QueryError(
            f"The area is in {name}, which is not reprojected to longitude and latitude: give it in EPSG:4326."
        ) from None
    for geometry in placed:
        if geometry is not None and not geometry.is_empty:
            yield cast(Feature, json.loads(json.dumps(geometry.__geo_interface__)))


def _by_fiona(path: Path, layer: Optional[str], elsewhere: Optional[QueryError]) -> Iterator[Feature]:
    import fiona
    import fiona.transform

    source = f"zip://{path}" if path.suffix.lower() == ".zip" else str(path)
    try:
        layers = [(name, True) for name in fiona.listlayers(source)]
        with fiona.open(source, layer=_layer_of(path, layer, layers)) as dataset:
            if elsewhere is not None and (not dataset.crs or dataset.crs.to_epsg() == 4326):
                raise elsewhere
            for feature in dataset:
                if feature.geometry is not None:
                    geometry = feature.geometry
                    if dataset.crs:
                        geometry = fiona.transform.transform_geom(dataset.crs, "EPSG:4326", geometry)
                    yield cast(Feature, json.loads(json.dumps(geometry.__geo_interface__)))
    except (fiona.errors.FionaError, ValueError, OSError) as error:
        raise _unreadable(path, error) from None


def _layer_of(path: Path, layer: Optional[str], layers: Sequence[Tuple[str, bool]]) -> str:
    """Return the layer to read: the one named, or the only one with geometries.

    Raises
    ------
    QueryError
        If there is no such layer, or there are several; the message lists them.
    """
    names = [name for name, _ in layers]
    placed: List[str] = [name for name, has_geometry in layers if has_geometry]
    told = ", ".join(placed[:_MOST_LAYERS]) + (", …" if len(placed) > _MOST_LAYERS else "")
    if layer is not None:
        if layer in names:
            return layer
        raise QueryError(f"{path} has no layer {layer!r}: it has {told or 'none with geometries'}.")
    if not placed:
        raise QueryError(f"{path} has no layer with geometries: give another file.")
    if len(placed) > 1:
        raise QueryError(f"{path} has the layers {told}: name one of them, as {path}:{placed[0]}.")
    return placed[0]


def _unreadable(path: Path, error: BaseException) -> QueryError:
    told = " ".join(str(error).split())[:200].rstrip(".")
    return QueryError(
        f"{path} holds neither GeoJSON nor WKT, nor a format that GDAL reads ({told}): give another file."
    )
