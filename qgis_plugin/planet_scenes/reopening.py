"""Raster layers of a project that is opened again: new sources for their names."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Iterator, NamedTuple, Set
from xml.etree import ElementTree  # noqa: S405 - only XML written here or by GDAL is parsed

from osgeo import gdal

from planet_scenes import combined_rasters, product_sources
from planet_scenes.gdal_calls import call_gdal
from planet_scenes.layers import first_scenes
from planet_scenes.raster_layers import INDEX, MASK, SCENE, source_of
from planet_vector.catalog import Catalog
from planet_vector.names import Name, parse_name
from planet_vector.workers import Workers


class Failures:
    """Failures to open remote files, which GDAL caches by URL: forgotten once for each file, by any thread.

    Files of layers that are open already stay cached, as QGIS would request them again in its main thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forgotten: Set[str] = set()

    def forget(self, source: str) -> None:
        """Let GDAL request the files of a source again.

        Parameters
        ----------
        source : str
            The source of a raster layer.
        """
        with self._lock:
            for name in {file.name for file in remote_files(source)} - self._forgotten:
                gdal.VSICurlPartialClearCache(name)
                self._forgotten.add(name)


def reopened(catalog: Catalog, planet_name: str, failures: Failures) -> str:
    """Return a new source for a raster layer of a project.

    Signed URLs in the project have expired, and local files may have been deleted.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    planet_name : str
        The ``PLANET:`` name that the layer shows.
    failures : Failures
        What GDAL may have cached for the sources of the project.

    Returns
    -------
    str
        The source that QGIS opens.
    """
    source = _source_again(catalog, parse_name(planet_name))
    # Open here what QGIS will open in the main thread: GDAL caches what that needs. QGIS has already tried the source
    # of the project, without the key or through a deleted local file, and GDAL caches that failure for the URL,
    # whatever the options. A VRT opens without the file that it refers to.
    if source.endswith(".vrt") or not _opens(source):
        failures.forget(source)
        for name in sorted({file.name for file in remote_files(source) if file.opened}):
            _opens(name)
    return source


class RemoteFile(NamedTuple):
    """Remote file of a source.

    Attributes
    ----------
    name : str
        GDAL's name of it.
    opened : bool
        Whether it is opened together with the source by a program that asks for overviews, as QGIS does. GDAL then
        looks for those of the files behind a VRT that declares none and has one source for each band.
    """

    name: str
    opened: bool


def remote_files(source: str, opened: bool = True) -> Iterator[RemoteFile]:
    """Yield the remote files of a source: itself, or those that a VRT and the VRTs in it refer to.

    Parameters
    ----------
    source : str
        A source, or the text of a VRT.
    opened : bool, optional
        Whether the source itself is opened.
    """
    folder, text = Path(), source
    if source.endswith(".vrt"):
        folder = Path(source).parent
        try:
            text = Path(source).read_text(encoding="utf-8")
        except OSError:  # deleted meanwhile: it opens no files
            return
    if not text.lstrip().startswith("<"):
        _, remote, rest = text.partition("/vsicurl")  # behind a prefix that selects the driver, if there is one
        if remote:
            yield RemoteFile(remote + rest, opened)
        return
    root = ElementTree.fromstring(text)  # noqa: S314 - written here or by GDAL
    for band in root.findall("VRTRasterBand"):
        opened = opened and band.find("Overview") is None and len(band.findall("*/SourceFilename")) == 1
    for element in root.iter():
        if element.tag in ("SourceFilename", "SourceDataset") and element.text:
            beside = element.get("relativeToVRT") == "1"
            yield from remote_files(str(folder / element.text) if beside else element.text, opened)


def _opens(name: str) -> bool:
    """Return True if GDAL opens a raster."""
    return bool(call_gdal(lambda: gdal.Open(name) is not None)[0])


def _source_again(catalog: Catalog, name: Name) -> str:
    if name.is_basemap:
        basemap = catalog.basemaps.named(name.item)
        return product_sources.tiles(catalog, basemap.tiles, basemap.level, basemap.name)
    mask, ids = name.get(MASK) or "", [value for key, value in name.parameters if key == SCENE]
    if name.item:
        source = source_of(catalog, catalog.scene(name.collection, name.item), name.part, mask)
    elif ids:
        with Workers(catalog.settings.connections) as pool:
            scenes = list(pool.map(lambda scene_id: catalog.scene(name.collection, scene_id), ids))
        source = combined_rasters.mosaic(catalog, scenes, name.get("product") or "", mask)
    else:
        schema, scenes = first_scenes(catalog, name.without([MASK]), combined_rasters.MOST_SCENES)
        source = combined_rasters.mosaic(catalog, scenes, schema.product(name.get("product")), mask)
    pair = name.get(INDEX)
    if pair is None:
        return source
    a, _, b = pair.partition(",")
    title = f"{name.item or name.collection} {name.part}".strip()
    return combined_rasters.normalised_difference(source, int(a), int(b), title)
