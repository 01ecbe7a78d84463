"""Search layers: scenes are read in a worker, so that opening and drawing do not block the main thread."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Optional, Tuple

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
from planet_scenes.connection import Connection
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog, connect
from planet_vector.collection_schema import CollectionSchema
from planet_vector.errors import PlanetVectorError, ServiceError
from planet_vector.names import Name, is_name, parse_name
from planet_vector.query import Query
from planet_vector.scene import Scene
from planet_vector.vector.layer import LAYER_PARAMETERS
from planet_vector.vector.search import open_layer as layer_of

NAME = "planet_scenes/name"
"""Custom property of the layers made here: the ``PLANET:`` name shown."""

PREFETCHED = 10_000
"""Searches of up to this many scenes are read before drawing, so panning sends no requests; larger ones by view."""

Done = Optional[Callable[[Any], None]]


def add_search_layer(connection: Connection, planet_name: str, title: str, on_done: Done = None) -> Task:
    """Add a search to the project as a live layer.

    Parameters
    ----------
    connection : Connection
        The service.
    planet_name : str
        The ``PLANET:`` name of the search.
    title : str
        Name of the layer.
    on_done : callable, optional
        Called with the layer, on the main thread, once it is in the project.

    Returns
    -------
    Task
        The running task; the message bar shows its errors.
    """
    connection.catalog()  # reads the key here, on the main thread, as QGIS may ask for the master password

    def done(layer: QgsVectorLayer) -> None:
        style.dress(layer, connection)
        QgsProject.instance().addMapLayer(layer)
        if on_done is not None:
            on_done(layer)

    title_of_task = tr("Opening {title}").format(title=title)
    return Task.start(title_of_task, lambda feedback: open_search(planet_name, title), done, of_project=True)


def open_search(planet_name: str, title: str) -> QgsVectorLayer:
    """Open a search as a layer that belongs to the main thread; call this in a worker.

    Parameters
    ----------
    planet_name : str
        The ``PLANET:`` name of the search.
    title : str
        Name of the layer.

    Returns
    -------
    QgsVectorLayer
        The layer, not yet in the project.

    Raises
    ------
    PlanetVectorError
        If the service reports an error, or QGIS cannot open the layer.
    """
    prefetch(planet_name)
    layer = QgsVectorLayer(planet_name, title, "ogr")
    if not layer.isValid():
        raise ServiceError(tr("QGIS cannot open {name}: its GDAL may lack Python support.").format(name=title))
    _describe(layer, planet_name)
    layer.moveToThread(QCoreApplication.instance().thread())
    return layer


def prefetch(planet_name: str) -> int:
    """Read a search of at most `PREFETCHED` scenes into the driver's cache.

    Parameters
    ----------
    planet_name : str
        The ``PLANET:`` name of the search.

    Returns
    -------
    int
        The number of scenes of the search, or its limit if the service does not count; 0 without both.

    Raises
    ------
    PlanetVectorError
        If the service reports an error.
    """
    layer = layer_of(planet_name)
    count = layer.count()
    if count is None:  # the service does not count, so that a search without a limit may be of any length
        count = layer.query.limit
    if count is not None and count <= PREFETCHED:
        for _ in layer.rows():
            break  # the driver reads the whole result before it yields the first feature
    return count or 0


def search_layers() -> Iterator[QgsVectorLayer]:
    """Yield the search layers of the project, including those added without this plugin."""
    for layer in QgsProject.instance().mapLayers().values():
        if isinstance(layer, QgsVectorLayer) and search_of(layer):
            yield layer


def search_of(layer: QgsMapLayer) -> str:
    """Return the ``PLANET:`` name of the search that a layer shows; empty if it shows none.

    Parameters
    ----------
    layer : QgsMapLayer
        Any layer.
    """
    if not isinstance(layer, QgsVectorLayer) or layer.providerType() != "ogr":
        return ""
    name = str(layer.source()).partition("|")[0]
    return name if is_name(name) else ""


def scene_type_of(layer: QgsMapLayer) -> str:
    """Return the scene type of a search layer; empty for other layers.

    Parameters
    ----------
    layer : QgsMapLayer
        Any layer.
    """
    try:
        name = parse_name(search_of(layer))
    except PlanetVectorError:
        return ""
    if name.is_basemap:
        return ""
    parts = dict(part.partition("=")[::2] for part in str(layer.source()).split("|")[1:])
    return name.collection or parts.get("layername", "")


def query_of(planet_name: str) -> Query:
    """Return the search of a ``PLANET:`` name; sends a request if that of its schema is needed, so call it in a worker.

    Parameters
    ----------
    planet_name : str
        The name.
    """
    name = parse_name(planet_name)
    return Query.parse(connect(name.service).schema(name.collection), name.without(LAYER_PARAMETERS).parameters)


def first_scenes(catalog: Catalog, name: Name, most: int) -> Tuple[CollectionSchema, List[Scene]]:
    """Return the schema of a search, and its first scenes; call it in a worker.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    name : Name
        The search.
    most : int
        No further page is requested once there are more scenes, so that callers can report that there are too many.
    """
    query = Query.parse(catalog.schema(name.collection), name.without(LAYER_PARAMETERS).parameters)
    scenes: List[Scene] = []
    for page in catalog.pages(query):
        scenes += [Scene(feature, query.schema, catalog) for feature in page]
        if len(scenes) > most:
            break
    return query.schema, scenes


def reopen(layer: QgsMapLayer, source: str) -> None:
    """Replace a layer's source and keep its style and filter; call on the main thread, once the scenes are cached.

    Parameters
    ----------
    layer : QgsMapLayer
        The layer.
    source : str
        The ``PLANET:`` name to show.
    """
    if isinstance(layer, QgsVectorLayer):
        source += "".join(str(layer.source()).partition("|")[1:])  # keeps the layer name and the user's filter
    options = layer.dataProvider().ProviderOptions() if layer.dataProvider() else None
    if options is None:
        layer.setDataSource(source, layer.name(), layer.providerType())
    else:
        layer.setDataSource(source, layer.name(), layer.providerType(), options)
    layer.triggerRepaint()


def group_below(layer: Optional[QgsMapLayer], title: str) -> QgsLayerTreeGroup:
    """Return the layer tree group for the imagery of a search, right below its layer; created if missing.

    Parameters
    ----------
    layer : QgsMapLayer, optional
        The layer of the search.
    title : str
        Name of the group.
    """
    root = QgsProject.instance().layerTreeRoot()
    node = root.findLayer(layer) if layer is not None else None
    parent = node.parent() if node is not None else root
    found = parent.findGroup(title)
    if found is None:
        at = parent.children().index(node) + 1 if node is not None else 0
        found = parent.insertGroup(at, title)
    return found


def search_layer_for(name: str) -> Optional[QgsVectorLayer]:
    """Return the layer of the project that shows the same search, or None.

    Parameters
    ----------
    name : str
        The ``PLANET:`` name of the search.
    """
    wanted = _known_query(name)
    for layer in search_layers():
        if search_of(layer) == name or wanted is not None and _known_query(search_of(layer)) == wanted:
            return layer
    return None


def _known_query(planet_name: str) -> Optional[Query]:
    """Return the search of a name; None if it is not valid, or the schema of its collection takes a request."""
    try:
        name = parse_name(planet_name)
        schema = connect(name.service).known_schema(name.collection)
        return None if schema is None else Query.parse(schema, name.without(LAYER_PARAMETERS).parameters)
    except (PlanetVectorError, ValueError):  # a name edited by hand
        return None


def _describe(layer: QgsVectorLayer, planet_name: str) -> None:
    """Set a layer's metadata and the property that marks it as a search layer."""
    layer.setCustomProperty(NAME, planet_name)
    # Each preview at a neighbouring position would read again.
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
