"""The page of a map: one file with everything in it, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from importlib import import_module
from pathlib import Path
from string import Template
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from planet_vector.catalog.basemaps import Basemap
from planet_vector.collection_schema import flatten
from planet_vector.errors import ConfigError, ProtocolError
from planet_vector.extras import named_extra
from planet_vector.item_ids import is_item_id
from planet_vector.maps.addresses import Addresses
from planet_vector.maps.content import Content, time_of
from planet_vector.names import BASEMAPS, Name
from planet_vector.raster.gdal_xml import tiles_level
from planet_vector.scene import Scene

_STATIC = Path(__file__).with_name("static")
_STYLES = ("map.css",)
_SCRIPTS = ("graticule.js", "tiles.js", "time.js", "list.js", "details.js", "map.js")

_HOST = re.compile(r"(?:(?:\{s\}\.)?[\w.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", re.ASCII)
_BACKGROUND_HOSTS = "abc"  # what Leaflet takes {s} for
_EXACT = 2**53  # integers up to here are whole in a browser
_TOLD = 8  # characters a key has at the least for its text to be told from other text


class Background(NamedTuple):
    """Hold where the tiles behind a map are: a pattern with {z}, {x}, {y} and perhaps {s}, and whose they are."""

    url: str
    attribution: str = ""


class Pictures(NamedTuple):
    """Hold the thumbnails that are part of the page, each a PNG by the number of its scene, and how many are not."""

    content: Mapping[int, bytes]
    left_out: int


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
        What it shows.
    addresses : Addresses
        Where its pictures are.
    pictures : Pictures
        The thumbnails that are part of it.
    background : Background, optional
        What lies under it; by default a graticule only.
    served : bool
        Whether it is shown by the local process that has the key.

    Raises
    ------
    ConfigError
        If the background is no pattern of tiles.
    ProtocolError
        If the service's data cannot be shown safely.
    """
    sources = _background_sources(background) if background else []
    data: Dict[str, Any] = {
        "names": list(content.names),
        "service": urlsplit(content.catalog.settings.api_url).netloc,
        "served": served,
        "leftOut": pictures.left_out,
        "background": background._asdict() if background else None,
        "scenes": [
            _scene(content, scene, polygons, addresses, pictures.content.get(number))
            for number, (scene, polygons) in enumerate(zip(content.scenes, content.footprints))
        ],
        "basemaps": [_basemap(basemap, bounds, addresses) for basemap, bounds in content.basemaps],
    }
    text = _embedded(data)
    key = content.catalog.settings.key
    if key is not None and len(key.reveal()) >= _TOLD and key.reveal() in text:
        raise ProtocolError("The service's answer repeats the key, or a name holds it: no map is made of it.")
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
    """Return the folder that Leaflet's files are in.

    Raises
    ------
    ModuleNotFoundError
        If the extra ``maps`` is not installed.
    """
    with named_extra():
        return Path(import_module("xstatic.pkg.leaflet").BASE_DIR)


def checked_background(url: str, attribution: str = "") -> Background:
    """Return a map for the background.

    Raises
    ------
    ConfigError
        If it is no address of tiles.
    """
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(parts.netloc)
        or not all(part in url for part in ("{z}", "{x}", "{y}"))
    ):
        raise ConfigError(
            "The background is no address of tiles: write one such as https://tile.example.org/{z}/{x}/{y}.png; "
            "{s}. may stand before the host."
        )
    return Background(url, attribution)


def _background_sources(background: Background) -> List[str]:
    scheme, host = urlsplit(background.url)[:2]
    return [f"{scheme}://{host.replace('{s}', letter)}" for letter in (_BACKGROUND_HOSTS if "{s}" in host else "a")]


def _title(content: Content) -> str:
    first = content.names[0].partition("?")[0]
    return first if len(content.names) == 1 else f"{first} and {len(content.names) - 1} more"


def _scene(
    content: Content, scene: Scene, polygons: Sequence[Any], addresses: Addresses, picture: Optional[bytes]
) -> Dict[str, Any]:
    seconds = time_of(scene)
    try:
        properties = list(flatten(scene.properties))
    except RecursionError:
        raise ProtocolError(f"The service gave {scene.id} properties too deep to show.") from None
    cloud = scene.cloud_cover
    named = is_item_id(scene.id) and is_item_id(scene.scene_type)
    pattern, _ = addresses.scene_tiles(scene) if named and polygons else (None, "")
    return {
        "id": scene.id,
        "type": scene.scene_type,
        "name": str(Name(scene.scene_type, scene.id)) if named else None,
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
        "tiles": pattern,
        "level": tiles_level(scene) if named else None,
    }


def _basemap(
    basemap: Basemap, bounds: Optional[Tuple[float, float, float, float]], addresses: Addresses
) -> Dict[str, Any]:
    pattern, hosts = addresses.basemap_tiles(basemap)
    return {
        "name": str(Name(BASEMAPS, basemap.name)) if is_item_id(basemap.name) else basemap.name,
        "tiles": pattern,
        "hosts": hosts,
        "level": basemap.level,
        "bounds": bounds,
    }


def _plain(value: Any) -> Any:
    """Return a value as a browser can hold it without loss: what is no number there becomes text."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= _EXACT:
        return value
    return str(value) if isinstance(value, (int, float)) else json.dumps(value, ensure_ascii=False)


def _embedded(data: Any) -> str:
    """Return JSON that stands in a script element whatever its texts hold: no tag, no comment, no line separator."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII only, so U+2028 is escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data_uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _digest(text: str) -> str:
    """Return what a policy calls an inline script or style by (CSP level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("\r\n", "\n")
