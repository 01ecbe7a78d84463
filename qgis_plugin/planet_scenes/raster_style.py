"""Renderers of raster layers: bands as colours, and indices by a colour ramp."""

from __future__ import annotations

from contextlib import contextmanager
from os.path import isfile
from pathlib import Path
from statistics import median
from typing import Any, Iterator, Sequence, Tuple

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsColorRampShader,
    QgsContrastEnhancement,
    QgsMultiBandColorRenderer,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

from planet_scenes import stretch
from planet_vector.atomic_files import complete

# ColorBrewer's RdYlGn, from -1 to 1: bare ground, water and cities are below 0.2, dense vegetation is above 0.6.
_INDEX = ((-1.0, "#a50026"), (-0.2, "#d73027"), (0.0, "#fdae61"), (0.2, "#ffffbf"), (0.4, "#a6d96a"), (0.6, "#1a9850"),
          (1.0, "#006837"))  # fmt: skip


_RGB = [gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand]


@contextmanager
def default_style(source: str, bands: Sequence[int], alpha: int = 0) -> Iterator[bool]:
    """Write the default style of a raster while QGIS opens it.

    Without one, QGIS computes limits for a contrast stretch of each new layer, even if it then draws without any, and
    reads the whole raster for it. That costs as many requests as drawing it.

    Parameters
    ----------
    source : str
        The raster. Styles belong to local files, such as VRTs.
    bands : sequence of int
        The bands drawn as red, green and blue, or the one drawn as grey.
    alpha : int
        The alpha band, or 0.

    Yields
    ------
    bool
        Whether there is a style.
    """
    path = Path(source)
    if len(bands) not in (1, 3) or not isfile(path):  # unlike Path.is_file, False for a name that is too long
        yield False
        return
    if len(bands) == 3:
        drawn = 'type="multibandcolor" redBand="{}" greenBand="{}" blueBand="{}"'.format(*bands)
    else:
        drawn = f'type="singlebandgray" grayBand="{bands[0]}"'
    style = path.with_suffix(".qml")
    with complete(style) as part:
        part.write_text(
            f'<qgis version="{Qgis.QGIS_VERSION}" minScale="1e+08" maxScale="0" hasScaleBasedVisibilityFlag="0"><pipe>'
            f'<rasterrenderer {drawn} alphaBand="{alpha or -1}" opacity="1"/></pipe></qgis>',
            encoding="utf-8",
        )
    try:
        yield True
    finally:
        style.unlink(missing_ok=True)  # another task may have opened the same raster


def own_colours(dataset: gdal.Dataset) -> Tuple[int, ...]:
    """Return the bands that QGIS draws as colours without a stretch.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.

    Returns
    -------
    tuple of int
        Empty if they are not red, green, blue, and perhaps alpha, of 8 bits.
    """
    bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    colours = [band.GetColorInterpretation() for band in bands]
    known = colours in (_RGB, [*_RGB, gdal.GCI_AlphaBand]) and all(band.DataType == gdal.GDT_Byte for band in bands)
    return (1, 2, 3) if known else ()


def draw_colours(layer: QgsRasterLayer, drawn: stretch.Drawn, alpha: int = 0) -> None:
    """Draw three bands as colours or one as grey, stretched; a layer without bands to draw keeps its own colours.

    Parameters
    ----------
    layer : QgsRasterLayer
        The layer.
    drawn : stretch.Drawn
        The bands and their limits.
    alpha : int, optional
        Number of the band with the opacity; 0 for none.
    """
    provider = layer.dataProvider()
    if len(drawn.bands) == 3:
        renderer = QgsMultiBandColorRenderer(provider, *(band.number for band in drawn.bands))
        for band, take in zip(
            drawn.bands,
            (
                renderer.setRedContrastEnhancement,
                renderer.setGreenContrastEnhancement,
                renderer.setBlueContrastEnhancement,
            ),
        ):
            take(_stretch(provider, band))
        renderer.setAlphaBand(alpha or -1)
        layer.setRenderer(renderer)
    elif len(drawn.bands) == 1:
        gray = QgsSingleBandGrayRenderer(provider, drawn.bands[0].number)
        gray.setContrastEnhancement(_stretch(provider, drawn.bands[0]))
        gray.setAlphaBand(alpha or -1)
        layer.setRenderer(gray)


def draw_index(layer: QgsRasterLayer) -> None:
    """Draw an index from -1 to 1 by a colour ramp.

    Parameters
    ----------
    layer : QgsRasterLayer
        The layer, of one band.
    """
    ramp = QgsColorRampShader(-1.0, 1.0)
    ramp.setColorRampItemList(
        [QgsColorRampShader.ColorRampItem(value, QColor(colour), f"{value:g}") for value, colour in _INDEX]
    )
    shader = QgsRasterShader(-1.0, 1.0)
    shader.setRasterShaderFunction(ramp)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))


def _stretch(provider: Any, band: stretch.Band) -> QgsContrastEnhancement:
    made = QgsContrastEnhancement(provider.dataType(band.number))
    made.setMinimumValue(band.low)
    made.setMaximumValue(band.high)
    made.setContrastEnhancementAlgorithm(QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum)
    return made


def draw_alike(layers: Sequence[QgsRasterLayer]) -> None:
    """Stretch layers of the same bands alike, so that they can be compared: by the medians of their limits.

    Parameters
    ----------
    layers : sequence of QgsRasterLayer
        The layers, stretched by `draw_colours`; the limits of others are left alone.
    """
    for colour, take in (
        ("redContrastEnhancement", "setRedContrastEnhancement"),
        ("greenContrastEnhancement", "setGreenContrastEnhancement"),
        ("blueContrastEnhancement", "setBlueContrastEnhancement"),
        ("contrastEnhancement", "setContrastEnhancement"),
    ):
        renderers = [layer.renderer() for layer in layers if hasattr(layer.renderer(), colour)]
        found = [(renderer, getattr(renderer, colour)()) for renderer in renderers]
        stretched = [(renderer, limits) for renderer, limits in found if limits is not None]
        if not stretched:
            continue
        low = median(limits.minimumValue() for _, limits in stretched)
        high = median(limits.maximumValue() for _, limits in stretched)
        for renderer, limits in stretched:
            alike = QgsContrastEnhancement(limits)
            alike.setMinimumValue(low)
            alike.setMaximumValue(high)
            getattr(renderer, take)(alike)
    for layer in layers:
        layer.triggerRepaint()
