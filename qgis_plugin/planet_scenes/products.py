"""Imagery on the map: products of scenes, band combinations, mosaics and basemaps, each as a raster layer."""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Union

from qgis.core import QgsLayerTreeLayer, QgsMapLayerLegendUtils, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QDate, QLocale

from planet_scenes import combined_rasters, product_sources, style
from planet_scenes.connection import Connection
from planet_scenes.imagery import Imagery, preferred
from planet_scenes.layers import first_scenes, group_below
from planet_scenes.raster_layers import (
    BANDS,
    MASK,
    View,
    layer_of,
    of_tiles,
    prepare,
    shown,
    stretched,
    with_parameters,
)
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.names import parse_name
from planet_vector.scene import Scene

Done = Optional[Callable[[List[QgsRasterLayer]], None]]


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
        schema, scenes = first_scenes(catalog, name, combined_rasters.MOST_SCENES)
        chosen = schema.product(product)
        path = combined_rasters.mosaic(catalog, scenes, chosen, mask)
        title = tr("Mosaic of {count} scenes").format(count=len(scenes))
        again = with_parameters(str(name.without(["product"])), ("product", chosen), (MASK, mask))
        return [layer_of(stretched(path, title, again, view))]

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
        return [layer_of(of_tiles(path, basemap.name, planet_name))]

    return adding(tr("Opening {title}").format(title=name.item), work, None, on_done)


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
