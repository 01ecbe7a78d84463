"""Imagery on the map: products of scenes, band combinations, mosaics and basemaps, each as a raster layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

from osgeo import gdal
from qgis.core import (
    QgsLayerTreeLayer,
    QgsMapLayerLegendUtils,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QDate, QLocale

from planet_scenes import combined_rasters, masks, overviews, product_sources, raster_opening, stretch, style
from planet_scenes.connection import Connection
from planet_scenes.imagery import TILES, Imagery, bands_of, preferred
from planet_scenes.layers import NAME, group_below
from planet_scenes.raster_style import draw_colours, draw_index
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.assets import SpectralBand
from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.names import Name, parse_name
from planet_vector.query import Query
from planet_vector.raster.gdal_xml import tiles_level
from planet_vector.scene import Scene
from planet_vector.vector.layer import LAYER_PARAMETERS

# Parameters of a layer's name that only this plugin reads, to restore the layer: the two bands of an index, and what is
# hidden of the scenes.
_INDEX, _MASK = "index", "mask"

BANDS = "planet_scenes/bands"
"""Custom property of raster layers: the names of the bands drawn."""

Done = Optional[Callable[[List[QgsRasterLayer]], None]]


class View(NamedTuple):
    """Extent of the map (west, south, east, north) and its coordinate system as WKT."""

    extent: Optional[stretch.Rectangle] = None
    crs: str = ""


def add_products(
    connection: Connection,
    scenes: Sequence[Scene],
    product: Union[str, Imagery],
    on_done: Done = None,
    below: Optional[QgsVectorLayer] = None,
    view: View = View(),  # noqa: B008 - it cannot be changed
) -> Task:
    """Add a product of scenes to the project, in a group below the layer they come from.

    Parameters
    ----------
    connection : Connection
        The service.
    scenes : sequence of Scene
        The scenes; the first one on top.
    product : str or Imagery
        A product, several with commas between as bands of one raster, `TILES`, or imagery that `offers_of` returned; an
        empty text for the preferred product.
    on_done : callable, optional
        Called with the layers, on the main thread, once they are in the project.
    below : QgsVectorLayer, optional
        The search layer of the scenes.
    view : View
        The current view: pixels within it determine the contrast stretch.

    Returns
    -------
    Task
        The running task.
    """
    catalog = connection.catalog()
    scenes = list(scenes)
    wanted = Imagery.of(product) if isinstance(product, str) else product

    def work(feedback: Any) -> List[QgsRasterLayer]:
        found = []
        for number, scene in enumerate(scenes):
            if feedback.isCanceled():
                return []
            imagery = wanted if wanted.name else preferred(scene)
            layer = _layer(catalog, connection, scene, imagery, view, feedback)
            layer.setName(layer_name(scene, imagery))
            found.append(layer)
            feedback.setProgress(100 * (number + 1) / len(scenes))
        return found

    title = scenes[0].id if len(scenes) == 1 else tr("{count} scenes").format(count=len(scenes))
    told = tr("Opening {product} of {title}").format(product=wanted.title or wanted.name or tr("imagery"), title=title)
    return _adding(told, work, below, on_done)


def add_mosaic(
    connection: Connection,
    planet_name: str,
    product: str = "",
    on_done: Done = None,
    below: Optional[QgsVectorLayer] = None,
    view: View = View(),  # noqa: B008
    mask: str = "",
) -> Task:
    """Add all scenes of a search as one raster, the first scene on top.

    Parameters
    ----------
    connection : Connection
        The service.
    planet_name : str
        The ``PLANET:`` name of the search.
    product : str
        The product; by default the preferred one of the collection.
    on_done : callable, optional
        Called with the layers, on the main thread, once they are in the project.
    below : QgsVectorLayer, optional
        The search layer of the scenes.
    view : View
        The current view: pixels within it determine the contrast stretch.
    mask : str, optional
        Pixels to hide, as for `planet_scenes.masks.hide`; other scenes show through there.

    Returns
    -------
    Task
        The running task.
    """
    catalog = connection.catalog()
    name = parse_name(planet_name)

    def work(feedback: Any) -> List[QgsRasterLayer]:
        query = Query.parse(catalog.schema(name.collection), name.without(LAYER_PARAMETERS).parameters)
        # Request one more than the limit, so that `combined_rasters.mosaic` can report that there are too many.
        scenes: List[Scene] = []
        for page in catalog.pages(query):
            scenes += [Scene(feature, query.schema, catalog) for feature in page]
            if len(scenes) > combined_rasters.MOST_SCENES:
                break
        chosen = query.schema.product(product)
        path = combined_rasters.mosaic(catalog, scenes, chosen, mask)
        title = tr("Mosaic of {count} scenes").format(count=len(scenes))
        again = _with(str(name.without(["product"])), ("product", chosen), (_MASK, mask))
        return [_raster(path, title, again, view)]

    return _adding(tr("Opening a mosaic"), work, below, on_done)


def add_tiles(connection: Connection, planet_name: str, on_done: Done = None) -> Task:
    """Add the tiles of a basemap.

    Parameters
    ----------
    connection : Connection
        The service.
    planet_name : str
        The ``PLANET:`` name of the basemap.
    on_done : callable, optional
        Called with the layers, on the main thread, once they are in the project.

    Returns
    -------
    Task
        The running task.
    """
    catalog = connection.catalog()
    name = parse_name(planet_name)

    def work(feedback: Any) -> List[QgsRasterLayer]:
        basemap = catalog.basemaps.named(name.item)
        path = product_sources.tiles(catalog, basemap.tiles, basemap.level, basemap.name)
        return [_opened(path, basemap.name, planet_name)]

    return _adding(tr("Opening {title}").format(title=name.item), work, None, on_done)


def reopened(catalog: Catalog, planet_name: str) -> str:
    """Return a new source for a raster layer of a project.

    Signed URLs in the project have expired, and local files may have been deleted.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    planet_name : str
        The ``PLANET:`` name that the layer shows.

    Returns
    -------
    str
        The source that QGIS opens.
    """
    source = _source_again(catalog, parse_name(planet_name))
    # Open the source here before QGIS does. QGIS has already tried the source of the project, without the key or
    # through a deleted local file, and GDAL caches that failure for the URL, whatever the options. A VRT opens without
    # the file that it refers to.
    if source.endswith(".vrt") or not _opens(source):
        gdal.VSICurlClearCache()
        _opens(source)
    return source


def _opens(source: str) -> bool:
    """Return True if GDAL opens a raster."""
    try:
        return gdal.Open(source) is not None
    except RuntimeError:  # another plugin may have enabled exceptions
        return False


def _source_again(catalog: Catalog, name: Name) -> str:
    if name.is_basemap:
        basemap = catalog.basemaps.named(name.item)
        return product_sources.tiles(catalog, basemap.tiles, basemap.level, basemap.name)
    mask = name.get(_MASK) or ""
    if name.item:
        source = _source(catalog, catalog.scene(name.collection, name.item), name.part, mask)
        pair = name.get(_INDEX)
        if pair is None:
            return source
        a, _, b = pair.partition(",")
        return combined_rasters.normalised_difference(source, int(a), int(b), f"{name.item} {name.part}")
    query = Query.parse(catalog.schema(name.collection), name.without([*LAYER_PARAMETERS, _MASK]).parameters)
    scenes = [Scene(feature, query.schema, catalog) for page in catalog.pages(query) for feature in page]
    return combined_rasters.mosaic(catalog, scenes, query.schema.product(name.get("product")), mask)


def _adding(title: str, work: Callable[[Any], List[QgsRasterLayer]], below: Any, on_done: Done) -> Task:
    beside = below.id() if below is not None else ""
    group_title = tr("Imagery of {layer}").format(layer=below.name()) if below is not None else tr("Planet Scenes")

    def done(layers: List[QgsRasterLayer]) -> None:
        if layers:
            search = QgsProject.instance().mapLayer(beside) if beside else None
            group = group_below(search, group_title)
            for position, layer in enumerate(layers):
                QgsProject.instance().addMapLayer(layer, False)
                group.insertChildNode(position, _node(layer))
            if isinstance(search, QgsVectorLayer):
                style.show_outlines(search)
        if on_done is not None:
            on_done(layers)

    return Task.start(title, work, done, of_project=True)


def _node(layer: QgsRasterLayer) -> QgsLayerTreeLayer:
    """Return a layer tree node, whose legend names the bands: QGIS would take colours of the file, mostly Gray."""
    node = QgsLayerTreeLayer(layer)
    for number, name in enumerate(layer.customProperty(BANDS) or ()):
        QgsMapLayerLegendUtils.setLegendNodeUserLabel(node, number, name)
    return node


def layer_name(scene: Scene, imagery: Imagery) -> str:
    """Return the name of a layer; a narrow layer tree shows its beginning, which tells apart scenes and imagery.

    Most ids begin with the year. The date is written without it, and the id follows.

    Parameters
    ----------
    scene : Scene
        The scene.
    imagery : Imagery
        Its imagery.
    """
    parts = [_shown(imagery), scene.id]
    if scene.has_time:
        acquired = scene.acquired
        day = QLocale().toString(QDate(acquired.year, acquired.month, acquired.day), "d MMM")
        parts[0] = f"{day} {acquired:%H:%M:%S} {parts[0]}"
    return " – ".join(parts)


def _shown(imagery: Imagery) -> str:
    title = imagery.index.upper() or imagery.title or imagery.name
    return tr("{title}, masked").format(title=title) if imagery.mask else title


def _layer(
    catalog: Catalog, connection: Connection, scene: Scene, imagery: Imagery, view: View, feedback: Any
) -> QgsRasterLayer:
    title = f"{scene.id} {_shown(imagery)}"
    again = _with(connection.name_of(scene, imagery.name), (_MASK, imagery.mask))
    if imagery.name == TILES:
        return _opened(_source(catalog, scene, TILES), title, again)
    if imagery.mask:
        for mask in masks.masks_of(scene, imagery.products):
            overviews.prepared(
                catalog, scene, mask.asset, product_sources.name_of(catalog, scene, mask.asset), feedback
            )
    source = _source(catalog, scene, imagery.name)
    if len(imagery.products) == 1:
        source = overviews.prepared(catalog, scene, imagery.name, source, feedback)
    if imagery.mask:
        source = masks.hide(catalog, scene, imagery.products, source, imagery.mask)
    if imagery.index:
        a, b = imagery.bands
        again = _with(again, (_INDEX, f"{a},{b}"))
        layer = _opened(combined_rasters.normalised_difference(source, a, b, title), title, again)
        layer.setCustomProperty(BANDS, [imagery.index.upper()])
        draw_index(layer)
        return layer
    return _raster(source, title, again, view, bands_of(scene, imagery), imagery.bands)


def _with(planet_name: str, *parameters: Tuple[str, str]) -> str:
    """Return a name with further parameters, without empty ones."""
    name = parse_name(planet_name)
    return str(replace(name, parameters=(*name.parameters, *(each for each in parameters if each[1]))))


def _source(catalog: Catalog, scene: Scene, product: str, mask: str = "") -> str:
    """Return the source that QGIS opens for a product, a stack of products, or the tiles of a scene."""
    if product == TILES:
        pattern, level = catalog.tiles(scene), tiles_level(scene)
        return product_sources.tiles(catalog, pattern, level, f"{scene.scene_type}-{scene.id}")
    products = product.split(",")
    if len(products) > 1:
        source = combined_rasters.stack(catalog, scene, products)
    else:
        source = product_sources.name_of(catalog, scene, product)
    return masks.hide(catalog, scene, products, source, mask) if mask else source


def _raster(
    source: str,
    title: str,
    again: str,
    view: View,
    bands: Tuple[SpectralBand, ...] = (),
    chosen: Tuple[int, ...] = (),
) -> QgsRasterLayer:
    """Open a raster layer, stretched to the values in view; chosen or documented bands are drawn as colours."""
    dataset = raster_opening.open_source(source, title)
    count = dataset.RasterCount
    alpha = count if dataset.GetRasterBand(count).GetColorInterpretation() == gdal.GCI_AlphaBand else 0
    known = bands if len(bands) in (count, count - bool(alpha)) else ()
    colours = [band.colour for band in known]
    if chosen:
        colours = ["Gray"] * dataset.RasterCount
        for number, colour in zip(chosen, ("Red", "Green", "Blue")):
            colours[number - 1] = colour
    drawn = stretch.drawn(dataset, title, view.extent, view.crs, colours)
    dataset = None
    layer = _opened(source, title, again)
    names = [known[band.number - 1].description if known else "" for band in drawn.bands]
    told = [name or tr("Band {number}").format(number=band.number) for name, band in zip(names, drawn.bands)]
    layer.setCustomProperty(BANDS, told)
    draw_colours(layer, drawn, alpha)
    return layer


def _opened(source: str, title: str, again: str) -> QgsRasterLayer:
    """Open a raster layer in a worker and move it to the main thread.

    Raises
    ------
    RasterAccessError
        If QGIS cannot open it.
    """
    options = QgsRasterLayer.LayerOptions(False)  # no default style: computing it would read the raster
    layer = QgsRasterLayer(source, title, "gdal", options)
    if not layer.isValid():
        raise RasterAccessError(tr("QGIS cannot open {title}.").format(title=title))
    layer.setCustomProperty(NAME, again)
    layer.setCustomProperty("rendering/noPreviewJobs", True)
    layer.moveToThread(QCoreApplication.instance().thread())
    return layer


def is_ours(layer: Any) -> str:
    """Return the ``PLANET:`` name that a raster layer was made for; empty for other layers.

    Parameters
    ----------
    layer : object
        Any layer.
    """
    name = layer.customProperty(NAME, "") if isinstance(layer, QgsRasterLayer) else ""
    try:
        parse_name(name)
    except (PlanetVectorError, ValueError, TypeError):
        return ""
    return str(name)
