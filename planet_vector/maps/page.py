"""The page of a map: one self-contained file, with a Content-Security-Policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from planet_vector.catalog.basemaps import Basemap
from planet_vector.collection_schema import flatten
from planet_vector.errors import ConfigError, NotFoundError, ProtocolError
from planet_vector.extras import named_extra
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.shapes import Polygon
from planet_vector.item_ids import is_item_id
from planet_vector.maps.addresses import Addresses
from planet_vector.maps.content import Content, time_of
from planet_vector.names import BASEMAPS
from planet_vector.raster.gdal_xml import tiles_level
from planet_vector.scene import Scene

_STATIC = Path(__file__).with_name("static")
_STYLES = ("map.css",)
_SCRIPTS = ("graticule.js", "tiles.js", "time.js", "list.js", "details.js", "output.js", "compare.js", "map.js")

_HOST = re.compile(r"(?:(?:\{s\}\.)?[\w.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", re.ASCII)
_BACKGROUND_HOSTS = "abc"  # Leaflet's values of {s}
_EXACT = 2**53  # browsers represent integers up to here exactly
_LEAST_KEY = 8  # least characters of a key for which a match in the page cannot be a coincidence


class Background(NamedTuple):
    """Background tiles of a map: a URL pattern with {z}, {x}, {y} and optionally {s}, and the attribution."""

    url: str
    attribution: str = ""


class Pictures(NamedTuple):
    """The pictures in the page.

    Attributes
    ----------
    content : mapping of int to bytes
        Thumbnails, PNG by the index of the scene.
    left_out : int
        The number of scenes without a thumbnail.
    overlays : mapping of int to (bytes, (west, south, east, north))
        Pictures in web mercator, PNG by the index of the scene, with their bounds in degrees.
    """

    content: Mapping[int, bytes]
    left_out: int
    overlays: Mapping[int, Tuple[bytes, Bounds]] = MappingProxyType({})


def render(
    content: Content,
    addresses: Addresses,
    pictures: Pictures,
    background: Optional[Background] = None,
    served: bool = False,
) -> str:
    """Return a map as HTML.

    Parameters
    ----------
    content : Content
        The scenes and basemaps.
    addresses : Addresses
        The addresses of tiles and thumbnails.
    pictures : Pictures
        The embedded thumbnails.
    background : Background, optional
        The tiles under the scenes; by default only a graticule.
    served : bool
        Whether the local process that has the key serves it.

    Raises
    ------
    ProtocolError
        If the service's data contain the key, or are nested too deeply.
    """
    sources = _background_sources(background) if background else []
    data: Dict[str, Any] = {
        "names": list(content.names),
        "service": urlsplit(content.catalog.settings.api_url).netloc,
        "served": served,
        "leftOut": pictures.left_out,
        "background": background._asdict() if background else None,
        "scenes": [
            _scene(content, scene, polygons, addresses, pictures.content.get(number), pictures.overlays.get(number))
            for number, (scene, polygons) in enumerate(zip(content.scenes, content.footprints))
        ],
        "basemaps": [_basemap(content, *each, addresses) for each in content.basemaps],
        "areas": list(content.areas),
    }
    text = _embedded(data)
    key = content.catalog.settings.key
    if key is not None and any(len(secret) >= _LEAST_KEY and secret in text for secret in key.secrets()):
        raise ProtocolError("The service's response repeats the key, or a name contains it: no map is written.")
    leaflet = leaflet_folder()
    styles = [_read(leaflet / "leaflet.css"), *(_read(_STATIC / name) for name in _STYLES)]
    own = "\n".join(_read(_STATIC / name) for name in _SCRIPTS)
    scripts = [
        _read(leaflet / "leaflet.js").partition("\n//# sourceMappingURL")[0],
        f'"use strict";\n(() => {{\n{own}\n}})();\n',
    ]
    policy = {
        "default-src": ["'none'"],
        "script-src": [_digest(script) for script in scripts],
        "style-src": [_digest(style) for style in styles],
        "img-src": ["data:", *addresses.sources, *sources],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    return Template(_read(_STATIC / "map.html")).substitute(
        policy=html.escape("; ".join(f"{name} {' '.join(dict.fromkeys(values))}" for name, values in policy.items())),
        title=html.escape(_title(content)),
        licence=_read(_STATIC / "leaflet-licence.txt").strip(),
        styles="\n".join(f"<style>{style}</style>" for style in styles),
        data=text,
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def leaflet_folder() -> Path:
    """Return the folder of Leaflet's files.

    Raises
    ------
    ModuleNotFoundError
        If the extra ``maps`` is not installed.
    """
    with named_extra():
        return Path(import_module("xstatic.pkg.leaflet").BASE_DIR)


def checked_background(url: str, attribution: str = "") -> Background:
    """Check the address of background tiles.

    Parameters
    ----------
    url : str
        ``http`` or ``https``, with ``{z}``, ``{x}`` and ``{y}``; ``{s}.`` may precede the host.
    attribution : str
        Shown on the map.

    Returns
    -------
    Background
        The background.

    Raises
    ------
    ConfigError
        If it is not an address of tiles.
    """
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(parts.netloc)
        or not all(part in url for part in ("{z}", "{x}", "{y}"))
    ):
        raise ConfigError(
            "The background is not an address of tiles: give one such as https://tile.example.org/{z}/{x}/{y}.png; "
            "{s}. may precede the host."
        )
    return Background(url, attribution)


def _background_sources(background: Background) -> List[str]:
    scheme, host = urlsplit(background.url)[:2]
    return [f"{scheme}://{host.replace('{s}', letter)}" for letter in (_BACKGROUND_HOSTS if "{s}" in host else "a")]


def _title(content: Content) -> str:
    first = content.names[0].partition("?")[0]
    return first if len(content.names) == 1 else f"{first} and {len(content.names) - 1} more"


def _scene(
    content: Content,
    scene: Scene,
    polygons: Sequence[Polygon],
    addresses: Addresses,
    picture: Optional[bytes],
    overlay: Optional[Tuple[bytes, Bounds]],
) -> Dict[str, Any]:
    seconds = time_of(scene)
    try:
        properties = list(flatten(scene.properties))
    except RecursionError:
        raise ProtocolError(f"The service returned properties of {scene.id} that are nested too deeply.") from None
    cloud = scene.cloud_cover
    named = is_item_id(scene.id) and is_item_id(scene.scene_type)
    pattern = _tiles(scene, addresses) if named and polygons else None
    return {
        "id": scene.id,
        "type": scene.scene_type,
        "name": str(replace(content.service_name, collection=scene.scene_type, item=scene.id)) if named else None,
        "time": None if seconds is None else round(1000 * seconds),
        "cloud": cloud if cloud is not None and math.isfinite(cloud) else None,
        "polygons": polygons,
        "products": list(scene.products),
        "properties": [
            (name, _plain(value))
            for name, value in properties
            if name.partition(".")[0] not in scene.schema.link_groups
        ],
        "picture": addresses.thumbnail(scene) if picture is None else _data_uri(picture),
        "overlay": None if overlay is None else {"url": _data_uri(overlay[0]), "bounds": overlay[1]},
        "tiles": pattern,
        "level": tiles_level(scene) if named else None,
    }


def _tiles(scene: Scene, addresses: Addresses) -> Optional[str]:
    """Return the pattern of a scene's tiles, or None if the service has none."""
    try:
        return addresses.scene_tiles(scene)[0]
    except NotFoundError:
        return None


def _basemap(
    content: Content, basemap: Basemap, bounds: Optional[Tuple[float, float, float, float]], addresses: Addresses
) -> Dict[str, Any]:
    pattern, hosts = addresses.basemap_tiles(basemap)
    name = replace(content.service_name, collection=BASEMAPS, item=basemap.name)
    return {
        "name": str(name) if is_item_id(basemap.name) else basemap.name,
        "tiles": pattern,
        "hosts": hosts,
        "level": basemap.level,
        "bounds": bounds,
    }


def _plain(value: Any) -> Any:
    """Return a value that a browser represents without loss; other numbers become text."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= _EXACT:
        return value
    return str(value) if isinstance(value, (int, float)) else json.dumps(value, ensure_ascii=False)


def _embedded(data: Any) -> str:
    """Return JSON that is safe in a script element: it contains no tag, comment or line separator."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII only, so U+2028 is escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data_uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _digest(text: str) -> str:
    """Return the hash source of an inline script or style (CSP level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("\r\n", "\n")
