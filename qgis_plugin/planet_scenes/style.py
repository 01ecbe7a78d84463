"""Style of search layers: coloured by cloud cover, labelled by date, thumbnails in map tips, temporal properties."""

from __future__ import annotations

from typing import List, Set, Tuple

from qgis.core import (
    Qgis,
    QgsExpression,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsPalLayerSettings,
    QgsRendererRange,
    QgsSingleSymbolRenderer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

from planet_scenes import thumbnails
from planet_scenes.connection import Connection
from planet_scenes.texts import tr
from planet_vector.collection_schema import Meanings
from planet_vector.names import parse_name

CLOUDS: List[Tuple[float, float, str]] = [
    (0.0, 5.0, "#08519c"),
    (5.0, 20.0, "#3182bd"),
    (20.0, 50.0, "#6baed6"),
    (50.0, 80.0, "#9a9a9a"),
    (80.0, 100.0, "#636363"),
]
"""Classes of cloud cover in percent, with colours: ColorBrewer's blues for clear scenes, greys for cloudy ones."""

_UNKNOWN = "#c994c7"
_FILL = 14  # of 255: nearly transparent, as scenes overlap each other and cover imagery
_LABELS_FROM = 3_000_000  # scale denominator; at smaller scales, the labels would cover the map


def dress(layer: QgsVectorLayer, connection: Connection) -> None:
    """Style a layer of scenes, as far as it has the columns.

    Parameters
    ----------
    layer : QgsVectorLayer
        The search layer.
    connection : Connection
        The service.
    """
    names = set(layer.fields().names())
    scene_type = parse_name(layer.source().partition("|")[0]).collection
    meanings = _meanings(layer, connection)
    if meanings.cloud_cover in names:
        layer.setRenderer(_by_cloud_cover(_percent(meanings)))
    else:
        layer.setRenderer(QgsSingleSymbolRenderer(_outline(CLOUDS[1][2])))
    if meanings.time in names:
        layer.setLabeling(_dates(meanings.time))
        layer.setLabelsEnabled(True)
        _follow_field(layer, meanings.time)
    layer.setDisplayExpression('"id"')
    layer.setMapTipTemplate(_tip(thumbnails.directory(connection, scene_type).as_uri(), names, meanings))
    layer.setOpacity(0.9)
    _add_outlines(layer)


def follow_time(layer: QgsVectorLayer, connection: Connection) -> None:
    """Let a layer of scenes follow the temporal controller by its time field, unless it has temporal properties.

    Parameters
    ----------
    layer : QgsVectorLayer
        The search layer.
    connection : Connection
        The service.
    """
    field = _meanings(layer, connection).time
    if field in layer.fields().names() and not layer.temporalProperties().isActive():
        _follow_field(layer, field)


def show_outlines(layer: QgsVectorLayer) -> None:
    """Draw the footprints of a search layer without fill, as imagery lies below; its own style can be chosen again.

    Parameters
    ----------
    layer : QgsVectorLayer
        The search layer; nothing changes if the user has chosen another style.
    """
    styles = layer.styleManager()
    if styles.currentStyle() == tr("Filled") and tr("Outlines") in styles.styles():
        styles.setCurrentStyle(tr("Outlines"))


def _meanings(layer: QgsVectorLayer, connection: Connection) -> Meanings:
    scene_type = parse_name(layer.source().partition("|")[0]).collection
    schema = connection.known_schema(scene_type)  # known since the layer was opened
    return schema.meanings if schema is not None else Meanings("")


def _follow_field(layer: QgsVectorLayer, field: str) -> None:
    # Without effect until the user enables the temporal controller.
    time = layer.temporalProperties()
    time.setMode(Qgis.VectorTemporalMode.FeatureDateTimeInstantFromField)
    time.setStartField(field)
    time.setIsActive(True)


def _add_outlines(layer: QgsVectorLayer) -> None:
    """Give a layer two styles, for QGIS's menu of styles: the present one, and one without fill."""
    styles = layer.styleManager()
    styles.renameStyle(styles.currentStyle(), tr("Filled"))
    styles.addStyleFromLayer(tr("Outlines"))
    styles.setCurrentStyle(tr("Outlines"))
    renderer = layer.renderer()
    if isinstance(renderer, QgsGraduatedSymbolRenderer):
        for number, each in enumerate(renderer.ranges()):
            symbol = each.symbol().clone()
            symbol.symbolLayer(0).setBrushStyle(Qt.BrushStyle.NoBrush)
            renderer.updateRangeSymbol(number, symbol)
    else:
        renderer.symbol().symbolLayer(0).setBrushStyle(Qt.BrushStyle.NoBrush)
    styles.setCurrentStyle(tr("Filled"))


def _percent(meanings: Meanings) -> str:
    """Return the expression for the cloud cover in percent."""
    column = QgsExpression.quotedColumnRef(meanings.cloud_cover or "")
    return column if meanings.full_cover == 100 else f"{column} * {100 / meanings.full_cover!r}"


def _by_cloud_cover(cover: str) -> QgsGraduatedSymbolRenderer:
    ranges = [QgsRendererRange(-1.5, -0.5, _outline(_UNKNOWN), tr("cloud cover unknown"))]
    for low, high, colour in CLOUDS:
        ranges.append(
            QgsRendererRange(low, high, _outline(colour), tr("{low:g} to {high:g} % cloud").format(low=low, high=high))
        )
    return QgsGraduatedSymbolRenderer(f"coalesce({cover}, -1)", ranges)


def _outline(colour: str) -> QgsFillSymbol:
    fill = QColor(colour)
    fill.setAlpha(_FILL)
    return QgsFillSymbol.createSimple(
        {
            "color": f"{fill.red()},{fill.green()},{fill.blue()},{fill.alpha()}",
            "outline_color": colour,
            "outline_width": "0.4",
        }
    )


def _dates(time: str) -> QgsVectorLayerSimpleLabeling:
    settings = QgsPalLayerSettings()
    settings.fieldName = f"format_date({QgsExpression.quotedColumnRef(time)}, 'yyyy-MM-dd')"
    settings.isExpression = True
    settings.scaleVisibility = True
    settings.minimumScale = _LABELS_FROM
    text = QgsTextFormat()
    text.setSize(8)
    text.setColor(QColor("#1a1a1a"))
    halo = QgsTextBufferSettings()
    halo.setEnabled(True)
    halo.setSize(0.8)
    text.setBuffer(halo)
    settings.setFormat(text)
    return QgsVectorLayerSimpleLabeling(settings)


def _tip(pictures: str, names: Set[str], meanings: Meanings) -> str:
    """Return the map tip template, with the thumbnail from the local cache: a tip must not send requests."""
    rows = [
        (meanings.time, f"format_date({QgsExpression.quotedColumnRef(meanings.time)}, 'yyyy-MM-dd HH:mm')"),
        (meanings.cloud_cover, f"{_percent(meanings)} || ' %'"),
    ]
    cells = "".join(f"<br/>[% coalesce({value}, '') %]" for name, value in rows if name in names)
    return f'<b>[% "id" %]</b>{cells}<br/><img src="{pictures}/[% "id" %].png" width="128"/>'
