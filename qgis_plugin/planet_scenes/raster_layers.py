"""Raster layers: imagery is prepared by requests in any thread, and then opened by QGIS."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Optional, Sequence, Tuple

from osgeo import gdal
from qgis.core import QgsFeedback, QgsMapLayer, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication

from planet_scenes import combined_rasters, masks, overviews, product_sources, raster_opening, stretch
from planet_scenes.connection import Connection
from planet_scenes.imagery import TILES, Imagery, bands_of
from planet_scenes.layers import NAME
from planet_scenes.raster_style import default_style, draw_colours, draw_index, own_colours
from planet_scenes.texts import tr
from planet_vector.assets import SpectralBand
from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.names import parse_name
from planet_vector.raster.gdal_xml import tiles_level
from planet_vector.scene import Scene

INDEX, MASK, SCENE = "index", "mask", "scene_id"
"""Parameters of a layer's name that only this plugin reads, to restore the layer.

The two bands of an index, what is hidden of the scenes, and a scene of a mosaic; the first scene is on top.
"""

BANDS = "planet_scenes/bands"
"""Custom property of raster layers: the names of the bands drawn."""


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
    alpha : int
        Number of the band with the opacity; 0 for none.
    numbers : tuple of int
        Numbers of the bands drawn as red, green and blue, or of the one drawn as grey; empty if QGIS chooses.
    """

    source: str
    title: str
    again: str
    bands: Tuple[str, ...] = ()
    drawn: Optional[stretch.Drawn] = None
    alpha: int = 0
    numbers: Tuple[int, ...] = ()


def shown(imagery: Imagery) -> str:
    """Return the short title of imagery in names of layers.

    Parameters
    ----------
    imagery : Imagery
        The imagery.
    """
    title = imagery.index.upper() or imagery.title or imagery.name
    return tr("{title}, masked").format(title=title) if imagery.mask else title


def prepare(
    catalog: Catalog,
    connection: Connection,
    scenes: Sequence[Scene],
    imagery: Imagery,
    view: View,
    feedback: QgsFeedback,
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
        source = combined_rasters.mosaic(catalog, scenes, imagery.name, imagery.mask)
    else:
        again = connection.name_of(scene, imagery.name)
        if imagery.name == TILES:
            return of_tiles(source_of(catalog, scene, TILES), title, again)
        source = _source_of_one(catalog, scene, imagery, feedback)
    again = with_parameters(again, (MASK, imagery.mask))
    if imagery.index:
        a, b = imagery.bands
        again = with_parameters(again, (INDEX, f"{a},{b}"))
        computed = combined_rasters.normalised_difference(source, a, b, title)
        return Prepared(computed, title, again, (imagery.index.upper(),), numbers=(1,))
    return stretched(source, title, again, view, bands_of(scene, imagery), imagery.bands)


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
    layer = _opened(prepared)
    if prepared.bands:
        layer.setCustomProperty(BANDS, list(prepared.bands))
        if prepared.drawn is None:
            draw_index(layer)
        else:
            draw_colours(layer, prepared.drawn, prepared.alpha)
    return layer


def _source_of_one(catalog: Catalog, scene: Scene, imagery: Imagery, feedback: QgsFeedback) -> str:
    """Return the source of imagery of one scene, after overviews of its product and masks were created."""
    if imagery.mask:
        for mask in masks.masks_of(scene, imagery.products):
            overviews.prepared(
                catalog, scene, mask.asset, product_sources.name_of(catalog, scene, mask.asset), feedback
            )
    source = source_of(catalog, scene, imagery.name)
    if len(imagery.products) == 1:
        source = overviews.prepared(catalog, scene, imagery.name, source, feedback)
    return masks.hide(catalog, scene, imagery.products, source, imagery.mask) if imagery.mask else source


def _of_scenes(connection: Connection, scenes: Sequence[Scene], product: str) -> str:
    """Return a name of a mosaic of certain scenes: a search might find others later."""
    ids = [(SCENE, scene.id) for scene in scenes]
    return with_parameters(connection.name_of(scenes[0].scene_type), *ids, ("product", product))


def with_parameters(planet_name: str, *parameters: Tuple[str, str]) -> str:
    """Return a name with further parameters, without empty ones.

    Parameters
    ----------
    planet_name : str
        The ``PLANET:`` name.
    *parameters : tuple of (str, str)
        The parameters.
    """
    name = parse_name(planet_name)
    return str(replace(name, parameters=(*name.parameters, *(each for each in parameters if each[1]))))


def source_of(catalog: Catalog, scene: Scene, product: str, mask: str = "") -> str:
    """Return the source that QGIS opens for a product, a stack of products, or the tiles of a scene.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product, several with commas between, or `TILES`.
    mask : str, optional
        Pixels to hide, as for `planet_scenes.masks.hide`.
    """
    if product == TILES:
        pattern, level = catalog.tiles(scene), tiles_level(scene)
        return product_sources.tiles(catalog, pattern, level, f"{scene.scene_type}-{scene.id}")
    return combined_rasters.source_of(catalog, scene, product, mask)


def stretched(
    source: str,
    title: str,
    again: str,
    view: View,
    bands: Tuple[SpectralBand, ...] = (),
    chosen: Tuple[int, ...] = (),
) -> Prepared:
    """Prepare a raster, stretched to the values in view; chosen or documented bands are drawn as colours.

    Parameters
    ----------
    source, title, again : str
        As in `Prepared`.
    view : View
        The current view.
    bands : tuple of SpectralBand, optional
        The documented bands.
    chosen : tuple of int, optional
        The bands drawn as red, green and blue, counted from 1.

    Raises
    ------
    RasterAccessError
        If the raster cannot be opened or read.
    """
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
    names = [
        known[band.number - 1].description if known else dataset.GetRasterBand(band.number).GetDescription()
        for band in drawn.bands
    ]
    told = [name or tr("Band {number}").format(number=band.number) for name, band in zip(names, drawn.bands)]
    numbers = tuple(band.number for band in drawn.bands) or own_colours(dataset)
    return Prepared(source, title, again, tuple(told), drawn, alpha, numbers)


def of_tiles(source: str, title: str, again: str) -> Prepared:
    """Prepare the tiles of a service: red, green, blue and opacity.

    Parameters
    ----------
    source, title, again : str
        As in `Prepared`.
    """
    return Prepared(source, title, again, alpha=4, numbers=(1, 2, 3))


def _opened(prepared: Prepared) -> QgsRasterLayer:
    """Open a raster layer in a worker and move it to the main thread.

    Raises
    ------
    RasterAccessError
        If QGIS cannot open it.
    """
    source, title = prepared.source, prepared.title
    with default_style(source, prepared.numbers, prepared.alpha) as styled:
        layer = QgsRasterLayer(source, title, "gdal", QgsRasterLayer.LayerOptions(styled))
    if not layer.isValid():
        raise RasterAccessError(tr("QGIS cannot open {title}.").format(title=title))
    layer.setCustomProperty(NAME, prepared.again)
    layer.setCustomProperty("rendering/noPreviewJobs", True)
    layer.moveToThread(QCoreApplication.instance().thread())
    return layer


def is_ours(layer: QgsMapLayer) -> str:
    """Return the ``PLANET:`` name that a raster layer was made for; empty for other layers.

    Parameters
    ----------
    layer : QgsMapLayer
        Any layer.
    """
    name = layer.customProperty(NAME, "") if isinstance(layer, QgsRasterLayer) else ""
    try:
        parse_name(name)
    except (PlanetVectorError, ValueError, TypeError):
        return ""
    return str(name)
