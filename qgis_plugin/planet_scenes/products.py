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

from planet_scenes import combined_rasters, overviews, product_sources, raster_opening, stretch, style
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
from planet_vector.workers import Workers

# Parameters of the name of a layer, which only this plugin reads, to restore it:
_INDEX = "index"  # the two bands of an index
_SCENE = "scene_id"  # a scene of a mosaic, the first on top

BANDS = "planet_scenes/bands"
"""Custom property of raster layers: the names of the bands drawn."""

Done = Optional[Callable[[List[QgsRasterLayer]], None]]


class View(NamedTuple):
    """Extent of the map (west, south, east, north) and its coordinate system as WKT."""

    extent: Optional[stretch.Rectangle] = None
    crs: str = ""


class Prepared(NamedTuple):
    """Raster that can be opened as a layer.

    Attributes
    ----------
    source, title, again : str
        The source that QGIS opens, its name in errors, and the ``PLANET:`` name that restores the layer.
    bands : tuple of str
        Names of the bands drawn; empty if the raster has colours of its own.
    drawn : stretch.Drawn, optional
        How the bands are drawn; None for an index.
    """

    source: str
    title: str
    again: str
    bands: Tuple[str, ...] = ()
    drawn: Optional[stretch.Drawn] = None


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
            layer = layer_of(prepare(catalog, connection, [scene], imagery, view, feedback))
            layer.setName(layer_name(scene, imagery))
            found.append(layer)
            feedback.setProgress(100 * (number + 1) / len(scenes))
        return found

    title = scenes[0].id if len(scenes) == 1 else tr("{count} scenes").format(count=len(scenes))
    told = tr("Opening {product} of {title}").format(product=wanted.title or wanted.name or tr("imagery"), title=title)
    return adding(told, work, below, on_done)


def add_mosaic(
    connection: Connection,
    planet_name: str,
    product: str = "",
    on_done: Done = None,
    below: Optional[QgsVectorLayer] = None,
    view: View = View(),  # noqa: B008
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
        path = combined_rasters.mosaic(catalog, scenes, chosen)
        title = tr("Mosaic of {count} scenes").format(count=len(scenes))
        again = str(replace(name, parameters=(*name.without(["product"]).parameters, ("product", chosen))))
        return [layer_of(_stretched(path, title, again, view))]

    return adding(tr("Opening a mosaic"), work, below, on_done)


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
        return [layer_of(Prepared(path, basemap.name, planet_name))]

    return adding(tr("Opening {title}").format(title=name.item), work, None, on_done)


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
    ids = [value for key, value in name.parameters if key == _SCENE]
    if name.item:
        source, title = _source(catalog, catalog.scene(name.collection, name.item), name.part), name.item
    elif ids:
        with Workers(catalog.settings.connections) as pool:
            scenes = list(pool.map(lambda scene_id: catalog.scene(name.collection, scene_id), ids))
        source, title = combined_rasters.mosaic(catalog, scenes, name.get("product") or ""), ids[0]
    else:
        query = Query.parse(catalog.schema(name.collection), name.without(LAYER_PARAMETERS).parameters)
        scenes = [Scene(feature, query.schema, catalog) for page in catalog.pages(query) for feature in page]
        return combined_rasters.mosaic(catalog, scenes, query.schema.product(name.get("product")))
    pair = name.get(_INDEX)
    if pair is None:
        return source
    a, _, b = pair.partition(",")
    return combined_rasters.normalised_difference(source, int(a), int(b), f"{title} {name.part}".strip())


def adding(
    title: str,
    work: Callable[[Any], List[QgsRasterLayer]],
    below: Optional[QgsVectorLayer],
    on_done: Done = None,
    group_title: str = "",
    folded: bool = False,
) -> Task:
    """Open raster layers in a worker, and add them to a group of the project.

    Parameters
    ----------
    title : str
        Name of the task.
    work : callable
        Called with a `QgsFeedback` in the worker; returns the layers, the topmost first.
    below : QgsVectorLayer, optional
        The search layer above the group; its footprints are drawn as outlines from then on.
    on_done : callable, optional
        Called with the layers, on the main thread, once they are in the project.
    group_title : str, optional
        Name of the group; by default it names the search layer.
    folded : bool, optional
        Whether to hide the legends of the layers.

    Returns
    -------
    Task
        The running task.
    """
    beside = below.id() if below is not None else ""
    if not group_title:
        group_title = tr("Imagery of {layer}").format(layer=below.name()) if below is not None else tr("Planet Scenes")

    def done(layers: List[QgsRasterLayer]) -> None:
        if layers:
            search = QgsProject.instance().mapLayer(beside) if beside else None
            group = group_below(search, group_title)
            QgsProject.instance().addMapLayers(layers, False)
            for position, layer in enumerate(layers):
                node = _node(layer)
                node.setExpanded(not folded)
                group.insertChildNode(position, node)
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
    parts = [shown(imagery), scene.id]
    if scene.has_time:
        acquired = scene.acquired
        day = QLocale().toString(QDate(acquired.year, acquired.month, acquired.day), "d MMM")
        parts[0] = f"{day} {acquired:%H:%M:%S} {parts[0]}"
    return " – ".join(parts)


def shown(imagery: Imagery) -> str:
    """Return the short title of imagery in names of layers.

    Parameters
    ----------
    imagery : Imagery
        The imagery.
    """
    return imagery.index.upper() or imagery.title or imagery.name


def prepare(
    catalog: Catalog, connection: Connection, scenes: Sequence[Scene], imagery: Imagery, view: View, feedback: Any
) -> Prepared:
    """Prepare imagery of a scene, or of several as one mosaic; call this in a worker.

    It touches no objects of QGIS, so that it may run in any thread; QGIS keeps data by thread, and mixes it up when
    threads that are not its own have ended (coordinate transforms, for instance).

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    connection : Connection
        The service.
    scenes : sequence of Scene
        The scenes, the first on top.
    imagery : Imagery
        Their imagery; not `TILES` of several scenes.
    view : View
        The current view: pixels within it determine the contrast stretch.
    feedback : QgsFeedback
        Receives the progress, and can cancel.

    Raises
    ------
    RasterAccessError
        If a scene cannot be opened, or they cannot be combined.
    """
    scene = scenes[0]
    title = f"{scene.id} {shown(imagery)}"
    if len(scenes) > 1:
        again = _of_scenes(connection, scenes, imagery.name)
        source = combined_rasters.mosaic(catalog, scenes, imagery.name)
    else:
        again = connection.name_of(scene, imagery.name)
        source = _source(catalog, scene, imagery.name)
        if imagery.name == TILES:
            return Prepared(source, title, again)
        if len(imagery.products) == 1:
            source = overviews.prepared(catalog, scene, imagery.name, source, feedback)
    if imagery.index:
        a, b = imagery.bands
        computed = combined_rasters.normalised_difference(source, a, b, title)
        return Prepared(computed, title, _of_index(again, a, b), (imagery.index.upper(),))
    return _stretched(source, title, again, view, bands_of(scene, imagery), imagery.bands)


def layer_of(prepared: Prepared) -> QgsRasterLayer:
    """Open prepared imagery; call this in a worker of QGIS.

    Parameters
    ----------
    prepared : Prepared
        The imagery.

    Returns
    -------
    QgsRasterLayer
        The layer, which belongs to the main thread and is not yet in the project.

    Raises
    ------
    RasterAccessError
        If QGIS cannot open it.
    """
    layer = _opened(prepared.source, prepared.title, prepared.again)
    if prepared.bands:
        layer.setCustomProperty(BANDS, list(prepared.bands))
        if prepared.drawn is None:
            draw_index(layer)
        else:
            draw_colours(layer, prepared.drawn)
    return layer


def _of_scenes(connection: Connection, scenes: Sequence[Scene], product: str) -> str:
    """Return a name of a mosaic of certain scenes: a search might find others later."""
    name = parse_name(connection.name_of(scenes[0].scene_type))
    ids = [(_SCENE, scene.id) for scene in scenes]
    return str(replace(name, parameters=(*name.parameters, *ids, ("product", product))))


def _of_index(planet_name: str, a: int, b: int) -> str:
    """Return a name with the bands of an index, which only this plugin reads, to restore the layer."""
    name = parse_name(planet_name)
    return str(replace(name, parameters=(*name.parameters, (_INDEX, f"{a},{b}"))))


def _source(catalog: Catalog, scene: Scene, product: str) -> str:
    """Return the source that QGIS opens for a product, a stack of products, or the tiles of a scene."""
    if product == TILES:
        pattern, level = catalog.tiles(scene), tiles_level(scene)
        return product_sources.tiles(catalog, pattern, level, f"{scene.scene_type}-{scene.id}")
    return combined_rasters.source_of(catalog, scene, product)


def _stretched(
    source: str,
    title: str,
    again: str,
    view: View,
    bands: Tuple[SpectralBand, ...] = (),
    chosen: Tuple[int, ...] = (),
) -> Prepared:
    """Prepare a raster, stretched to the values in view; chosen or documented bands are drawn as colours."""
    dataset = raster_opening.open_source(source, title)
    known = bands if len(bands) == dataset.RasterCount else ()
    colours = [band.colour for band in known]
    if chosen:
        colours = ["Gray"] * dataset.RasterCount
        for number, colour in zip(chosen, ("Red", "Green", "Blue")):
            colours[number - 1] = colour
    drawn = stretch.drawn(dataset, title, view.extent, view.crs, colours)
    names = [known[band.number - 1].description if known else "" for band in drawn.bands]
    told = [name or tr("Band {number}").format(number=band.number) for name, band in zip(names, drawn.bands)]
    return Prepared(source, title, again, tuple(told), drawn)


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
