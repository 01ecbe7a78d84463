"""Renderers of raster layers: bands as colours, and indices by a colour ramp."""

from __future__ import annotations

from statistics import median
from typing import Any, Sequence

from qgis.core import (
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

# ColorBrewer's RdYlGn, from -1 to 1: bare ground, water and cities are below 0.2, dense vegetation is above 0.6.
_INDEX = ((-1.0, "#a50026"), (-0.2, "#d73027"), (0.0, "#fdae61"), (0.2, "#ffffbf"), (0.4, "#a6d96a"), (0.6, "#1a9850"),
          (1.0, "#006837"))  # fmt: skip


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
