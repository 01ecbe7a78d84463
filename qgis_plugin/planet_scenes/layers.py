"""A search as a layer: read in a worker, so that neither opening nor drawing it waits on the main thread."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsLayerMetadata,
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

from planet_scenes import style
from planet_scenes.connections import Connection
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.catalog import connect
from planet_vector.errors import PlanetVectorError, ServiceError
from planet_vector.names import parse_name
from planet_vector.query import Query
from planet_vector.vector.layer import LAYER_PARAMETERS
from planet_vector.vector.search import open_layer as layer_of

NAME = "planet_scenes/name"
"""The custom property of a layer made here: the PLANET: name it shows."""

PREFETCHED = 10_000
"""Scenes up to which a search is read before it is drawn: panning then asks nothing; of longer ones, what is seen."""

Done = Optional[Callable[[Any], None]]


def add_search_layer(connection: Connection, planet_name: str, title: str, on_done: Done = None) -> Task:
    """Add a search to the project as one live layer.

    Parameters
    ----------
    connection : Connection
        The service.
    planet_name : str
        The search.
    title : str
        What the layer is called.
    on_done : callable, optional
        Called with the layer on the main thread, once it is in the project.

    Returns
    -------
    Task
        Under way; an error is told in the message bar.
    """
    connection.catalog()  # the key is read here, on the main thread, where a master password may be asked for

    def done(layer: QgsVectorLayer) -> None:
        style.dress(layer, connection)
        QgsProject.instance().addMapLayer(layer)
        if on_done is not None:
            on_done(layer)

    title_of_task = tr("Opening {title}").format(title=title)
    return Task.start(title_of_task, lambda feedback: open_search(planet_name, title), done, of_project=True)


def open_search(planet_name: str, title: str) -> QgsVectorLayer:
    """Open a search as a layer of the main thread; called in a worker.

    Raises
    ------
    PlanetVectorError
        When the service does not answer for it, or QGIS cannot open it.
    """
    prefetch(planet_name)
    layer = QgsVectorLayer(planet_name, title, "ogr")
    if not layer.isValid():
        raise ServiceError(tr("QGIS cannot open {name}: is its GDAL without Python?").format(name=title))
    _describe(layer, planet_name)
    layer.moveToThread(QCoreApplication.instance().thread())
    return layer


def prefetch(planet_name: str) -> int:
    """Read a search into the driver's memory, if it is not too long, and return how many scenes it has.

    Raises
    ------
    PlanetVectorError
        When the service does not give it.
    """
    layer = layer_of(planet_name)
    count = layer.count() or 0
    if count <= PREFETCHED:
        for _ in layer.rows():
            break  # all of them are there before the first
    return count


def search_layers() -> Iterator[QgsVectorLayer]:
    """Yield the layers of the project that are searches, whoever added them."""
    for layer in QgsProject.instance().mapLayers().values():
        if isinstance(layer, QgsVectorLayer) and search_of(layer):
            yield layer


def search_of(layer: QgsMapLayer) -> str:
    """Return the PLANET: name of a search that a layer shows, or nothing."""
    if not isinstance(layer, QgsVectorLayer) or layer.providerType() != "ogr":
        return ""
    name = str(layer.source()).partition("|")[0]
    return name if name.lower().startswith(("planet:", "planet://")) else ""


def scene_type_of(layer: QgsMapLayer) -> str:
    """Return the scene type of the scenes that a layer shows, or nothing where it shows none."""
    try:
        name = parse_name(search_of(layer))
    except PlanetVectorError:
        return ""
    if name.is_basemap:
        return ""
    parts = dict(part.partition("=")[::2] for part in str(layer.source()).split("|")[1:])
    return name.collection or parts.get("layername", "")


def query_of(planet_name: str) -> Query:
    """Return the search that a name stands for."""
    name = parse_name(planet_name)
    return Query.parse(connect(name.service).schema(name.collection), name.without(LAYER_PARAMETERS).parameters)


def reopen(layer: QgsMapLayer, source: str) -> None:
    """Open a layer's source anew, its style and filter kept; called on the main thread, once it is in memory."""
    if isinstance(layer, QgsVectorLayer):
        source += "".join(str(layer.source()).partition("|")[1:])  # behind it stand the layer and the user's filter
    options = layer.dataProvider().ProviderOptions() if layer.dataProvider() else None
    if options is None:
        layer.setDataSource(source, layer.name(), layer.providerType())
    else:
        layer.setDataSource(source, layer.name(), layer.providerType(), options)
    layer.triggerRepaint()


def group_below(layer: Optional[QgsMapLayer], title: str) -> QgsLayerTreeGroup:
    """Return the group for the imagery of a search: right below its layer, made when it is not there."""
    root = QgsProject.instance().layerTreeRoot()
    node = root.findLayer(layer) if layer is not None else None
    parent = node.parent() if node is not None else root
    found = parent.findGroup(title)
    if found is None:
        at = parent.children().index(node) + 1 if node is not None else 0
        found = parent.insertGroup(at, title)
    return found


def search_layer_for(name: str) -> Optional[QgsVectorLayer]:
    """Return the layer of the project whose search is a name's, or None."""
    try:
        wanted = query_of(name)
    except (PlanetVectorError, ValueError):
        return None
    for layer in search_layers():
        try:
            if query_of(search_of(layer)) == wanted:
                return layer
        except (PlanetVectorError, ValueError):
            continue  # somebody wrote that name by hand
    return None


def _describe(layer: QgsVectorLayer, planet_name: str) -> None:
    """Give a layer its metadata, and what tells that it is one of these."""
    layer.setCustomProperty(NAME, planet_name)
    # Each preview of a neighbouring place would be a reading of its own.
    layer.setCustomProperty("rendering/noPreviewJobs", True)
    metadata = QgsLayerMetadata()
    metadata.setIdentifier(planet_name)
    metadata.setTitle(layer.name())
    metadata.setType("dataset")
    metadata.setAbstract(
        tr("Satellite scenes found by a live search, {name}: their footprints and properties.").format(name=planet_name)
    )
    metadata.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    metadata.setCategories(["imageryBaseMapsEarthCover"])
    layer.setMetadata(metadata)
