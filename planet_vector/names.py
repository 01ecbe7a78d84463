"""PLANET: and STAC: names, which identify what to open.

::

    PLANET:                                   every scene type of the service
    PLANET:ortho?acquired.gte=2015-03-01      one scene type, searched
    PLANET:ortho/20150306_022415_0908         one scene
    PLANET:ortho/20150306_022415_0908/visual  one product of it
    PLANET:landsat/LC8…LGN00/band_4,band_3    several products of it
    PLANET:basemaps                           the basemaps
    PLANET:basemaps/NAME                      one basemap, its quads
    PLANET:basemaps/NAME/L15-0763E-0959N      one quad

    STAC:earth-search                         every collection of a connection to a STAC API
    STAC:earth-search/sentinel-2-l2a?…        one collection, searched
    STAC:earth-search/sentinel-2-l2a/ID       one item
    STAC:earth-search/sentinel-2-l2a/ID/red   one asset of it; several are separated by commas

A ``STAC:`` name begins with a connection, because there is no default among services of different owners; otherwise its
parts are those of a ``PLANET:`` name with ``connection=``. It has no basemaps.

``planet://`` is equivalent to ``PLANET:``, and ``mosaics``, the name before 0.2.0, to ``basemaps``. Parameters are
percent-decoded; a ``+`` remains a plus, so that time zones are kept. This module only parses and formats names; for the
meaning of parameters see `planet_vector.query`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Iterable, Optional, Tuple
from urllib.parse import quote, unquote, urlsplit

from planet_vector.comparisons import sign_advice
from planet_vector.errors import NameSyntaxError
from planet_vector.item_ids import LONGEST_ID, is_item_id

PREFIX = "PLANET:"
STAC_PREFIX = "STAC:"
"""Prefix of names that begin with a connection."""

SCHEME = "planet://"
BASEMAPS = "basemaps"
"""The collection that holds basemaps; every other collection is a scene type."""

FORMER_BASEMAPS = "mosaics"
"""Name of `BASEMAPS` before 0.2.0. Saved projects, VRTs and scripts contain such names and layer names."""

OF_SERVICE = ("connection", "api_url")
"""The parameters that select the service of a name."""

ONLY_GEOTIFF = "GTIFF_DIR:1:"
"""Prefix of a GDAL name that only the GTiff driver opens; it selects the first image of a TIFF.

It works in every GDAL. A file that is not a TIFF is an error then; without the prefix, it could be a VRT that opens
other files. Overviews and masks inside the file are not visible with it.
"""

_SECRET = re.compile(r"(?:pl_?)?(?:api[_-]?)?key|auth(?:orization)?|token|password|secret", re.IGNORECASE)
_FIRST_WORD = re.compile(r"[A-Za-z_-]*")
_SIGN = re.compile("[<>!≤≥≠]")
_LONGEST_SHOWN = 30  # characters; keys are longer, parameter names are shorter
# Characters that are not escaped in parameters. Escaped are "%" and "&" (syntax), "#", "|" (QGIS splits layer names
# there), quotes, spaces, braces and everything outside ASCII.
_READABLE = "-._~:/!$()*,;=@?+<>"
# The same in ids, without the characters that have a meaning in a shell.
_READABLE_IN_PATH = "-._~:,=@+"


@dataclass(frozen=True)
class Name:
    """Parsed name.

    Attributes
    ----------
    collection : str
        A scene type, ``basemaps``, or empty for the whole service.
    item : str
        A scene id, the name of a basemap, or empty.
    part : str
        The products of a scene, comma-separated, the id of a quad, or empty.
    parameters : tuple of (str, str)
        Decoded, in the order written.
    begins_with : str
        The connection that a ``STAC:`` name begins with; empty for a ``PLANET:`` name.
    """

    collection: str = ""
    item: str = ""
    part: str = ""
    parameters: Tuple[Tuple[str, str], ...] = ()
    begins_with: str = ""

    @property
    def products(self) -> Tuple[str, ...]:
        """The products named, in order."""
        return tuple(self.part.split(",")) if self.part and not self.is_basemap else ()

    @property
    def is_basemap(self) -> bool:
        """Whether the name refers to basemaps or to a basemap, not to scenes."""
        return self.collection == BASEMAPS and not self.begins_with

    def get(self, key: str) -> Optional[str]:
        """Return the value of a parameter that occurs once, or None if it is missing.

        Parameters
        ----------
        key : str
            The parameter's name.

        Raises
        ------
        NameSyntaxError
            If the parameter occurs more than once.
        """
        values = [value for name, value in self.parameters if name == key]
        if len(values) > 1:
            raise NameSyntaxError(f"The name has the parameter {key} {len(values)} times: give it once.")
        return values[0] if values else None

    @property
    def service(self) -> Optional[str]:
        """The connection of the name, by its name or by the root of its service; None for the default connection.

        Raises
        ------
        NameSyntaxError
            If the name specifies more than one service.
        """
        connection, root = (self.get(key) for key in OF_SERVICE)
        if self.begins_with:
            if connection or root:
                raise NameSyntaxError(
                    f"The name begins with the connection {self.begins_with!r}: leave out connection and api_url."
                )
            return self.begins_with
        if connection and root:
            raise NameSyntaxError("The name has connection and api_url, which both name a service: give one of them.")
        return connection or root

    def without(self, keys: Iterable[str]) -> Name:
        """Return the same name without some parameters.

        Parameters
        ----------
        keys : iterable of str
            Names of the parameters to remove.
        """
        dropped = set(keys)
        kept = tuple(pair for pair in self.parameters if pair[0] not in dropped)
        return replace(self, parameters=kept)

    def __str__(self) -> str:
        # A lone surrogate, possible in a service's JSON, is written here and rejected by the parser.
        parts = [quote(part, _READABLE_IN_PATH, errors="surrogatepass") for part in self._parts if part]
        query = "&".join(f"{quote(k, safe=_READABLE)}={quote(v, safe=_READABLE)}" for k, v in self.parameters)
        prefix = STAC_PREFIX if self.begins_with else PREFIX
        return f"{prefix}{'/'.join(parts)}?{query}" if query else f"{prefix}{'/'.join(parts)}"

    @property
    def _parts(self) -> Tuple[str, ...]:
        return self.begins_with, self.collection, self.item, self.part


def is_name(text: str) -> bool:
    """Return whether a text begins like a name, well-formed or not.

    Parameters
    ----------
    text : str
        The text.
    """
    return text[: len(PREFIX)].upper() == PREFIX or text[: len(SCHEME)].lower() == SCHEME or _is_stac(text)


def _is_stac(text: str) -> bool:
    return text[: len(STAC_PREFIX)].upper() == STAC_PREFIX


def parse_name(text: str) -> Name:
    """Parse a PLANET: or STAC: name.

    Parameters
    ----------
    text : str
        The name.

    Returns
    -------
    Name
        Its parts.

    Raises
    ------
    NameSyntaxError
        If the text is not a name, or contains a key.
    """
    if not is_name(text):
        raise NameSyntaxError(
            f"{shown(text)} is not a PLANET: name: write PLANET:<scene type> for a search, "
            "PLANET:<scene type>/<scene id> for a scene, or PLANET:<scene type>/<scene id>/<product> for a raster; "
            "names of STAC APIs begin with STAC:<connection>."
        )
    stac = _is_stac(text)
    path, query = _path_and_query(text)
    parts = [unquote(part) for part in path.rstrip("/").split("/")] if path.strip("/") else []
    if len(parts) > (4 if stac else 3):
        most = "PLANET:<scene type>/<scene id>/<product>"
        if stac:
            most = "STAC:<connection>/<collection>/<item id>/<asset>"
        raise NameSyntaxError(f"{shown(text)} has too many parts: {most} at most.")
    for part in parts:
        if not is_item_id(part):
            kinds = "a connection, collection, item id or asset" if stac else "a scene type, scene id or product"
            raise NameSyntaxError(
                f"{shown(text)} is not a {STAC_PREFIX if stac else PREFIX} name: {part[:80]!r} is not {kinds}: these "
                f"have up to {LONGEST_ID} printable characters."
            )
    parameters = tuple(_parameters(query))
    if stac:
        if not parts:
            raise NameSyntaxError(f"{shown(text)} names no connection: write STAC:<connection>/<collection>.")
        begins_with, collection, item, part, *_ = [*parts, "", "", ""]
        _check_connection(begins_with)
        return Name(collection, item, part, parameters, begins_with)
    collection, item, part, *_ = [*parts, "", "", ""]
    if collection == FORMER_BASEMAPS:
        collection = BASEMAPS
    return Name(collection, item, part, parameters)


def has_former_layer(text: str) -> bool:
    """Return whether a name lists the basemaps by their name before 0.2.0, which is then also the saved layer's name.

    Parameters
    ----------
    text : str
        A PLANET: name.
    """
    return not _is_stac(text) and unquote(_path_and_query(text)[0].rstrip("/")) == FORMER_BASEMAPS


def shown(text: str) -> str:
    """Return a name for error messages: shortened, and without its parameters, which may contain a key.

    Parameters
    ----------
    text : str
        The name.
    """
    head = text.partition("?")[0]
    if "@" in unquote(head) and "//" in unquote(head):  # perhaps an address with a user name and a password
        head = f"{head[:5]}…"
    return repr(head if len(head) <= 80 else head[:77] + "...")


def _path_and_query(text: str) -> Tuple[str, str]:
    start = next(prefix for prefix in (SCHEME, PREFIX, STAC_PREFIX) if text[: len(prefix)].upper() == prefix.upper())
    rest = text[len(start) :]
    path, _, query = rest.partition("?")
    return path, query


def _parameters(query: str) -> Iterable[Tuple[str, str]]:
    for pair in query.split("&"):
        if not pair:
            continue
        key, equals, value = pair.partition("=")
        key, value = unquote(key).strip(), unquote(value)
        if _SECRET.fullmatch(key) or _SECRET.fullmatch(_FIRST_WORD.match(key)[0]):  # type: ignore[index]
            raise NameSyntaxError(
                "A key is never part of a name: put it in the environment as PL_API_KEY, "
                "in the open option API_KEY, or store it with 'planet-vector login'."
            )
        if (not equals or _SIGN.search(key)) and (advice := sign_advice(unquote(pair))):
            raise NameSyntaxError(advice)
        if not equals:
            # A value pasted without a parameter name may be a key.
            quoted = f" {key!r}" if len(key) <= _LONGEST_SHOWN else ""
            raise NameSyntaxError(f"The parameter{quoted} has no value: write {key if quoted else 'PARAMETER'}=VALUE.")
        if key == "api_url":
            _check_connection(value)
        yield key, value


def _check_connection(text: str) -> None:
    """Raise an error if a connection is given as a root that contains a user name."""
    try:
        has_user = "@" in urlsplit(text).netloc
    except ValueError:  # not an address; the connection of this name is not found later
        has_user = False
    if has_user:
        raise NameSyntaxError("The api_url of a name contains a user name: remove it, a key is never part of a name.")
