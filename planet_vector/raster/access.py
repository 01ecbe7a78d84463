"""Plan how a product is opened in place: turn its link into a name and options for a GDAL version.

The host that a link leads to decides which credentials GDAL may be given, so the link is followed here, in Python:

=============================  ================================================================================
the link                       what GDAL is given
=============================  ================================================================================
serves the file, no key        the link, and options that suppress any other credentials
serves the file, with a key    the link, and the key as an option at the moment of opening (GDAL 3.9 or later);
                               for older versions, a name that refers to a header file only its owner can read
redirects to another host      that host's signed address, without headers: the signature grants access, and
                               neither Python nor GDAL sends the key there
=============================  ================================================================================

The name never contains the key. This module needs only the standard library and requests, because the GDAL driver
runs it in whatever Python embeds GDAL.
"""

from __future__ import annotations

import base64
import calendar
import json
import logging
import re
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Mapping, Optional, Tuple
from urllib.parse import parse_qsl, quote, urlsplit

from planet_vector.catalog import Catalog
from planet_vector.config import Settings
from planet_vector.errors import warn
from planet_vector.http.credentials import authorization
from planet_vector.http.responses import parse_count, ranged_length
from planet_vector.raster.cached_failures import forget_failure
from planet_vector.raster.credential_files import header_file, headers_option
from planet_vector.raster.gdal_options import DIRECT, HEADERS, READING, SIGNED, WITHOUT_KEY, Options
from planet_vector.times import parse_time

Build = Tuple[int, int, int]

KEEPS_OPTIONS: Build = (3, 9, 0)
"""The first GDAL known to keep the HTTP options of the moment of opening for later reads (3.6 does not)."""

ANY_BUILD: Build = (0, 0, 0)
"""Placeholder for an unknown GDAL version, as in the driver."""

PROBES_WHOLE: Tuple[Build, Build] = ((3, 6, 0), (3, 6, 3))
"""GDAL from the first version to before the second fetches a whole file to learn its size if HEAD is refused."""

JPEG2000_DRIVERS = ("JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "JP2Lura", "JPEG2000")
"""GDAL's drivers for JPEG 2000 files, in the order of preference."""

SLOW = "GDAL 3.6.0 to 3.6.2 fetches a product at a signed address whole before it reads any of it: take 3.6.3 or later"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
    """Plan of how one GDAL opens one product.

    Attributes
    ----------
    name : str
        Name for GDAL to open; without the key.
    options : Options
        GDAL's configuration options at the moment of opening; the secret one is not printed.
    expires : float or None
        When a signed address expires, in seconds since 1970.
    size : int or None
        Size of the file in bytes, if the service reported it.
    ranges : bool
        Whether parts of the file can be read; False is certain, True is an assumption on another host.
    slow : str
        Why opening will be slow, or an empty string; also emitted as a warning, once per process.
    url : str
        The address alone.
    beginning : bytes
        The first bytes of the file, if they were read with its size.
    grants_more : bool
        Whether a signature in the name grants access to more than this file, so that the name must not be shown.
    """

    name: str
    options: Options = field(default_factory=Options)
    expires: Optional[float] = None
    size: Optional[int] = None
    ranges: bool = True
    slow: str = ""
    url: str = ""
    beginning: bytes = b""
    grants_more: bool = False

    def __repr__(self) -> str:
        # Omit the query, which may contain a signature.
        name = self.name.partition("?url=")[0] if self.name.startswith("/vsicurl?") else self.name.partition("?")[0]
        return f"Access({name!r}, {self.options!r}, expires={self.expires}, size={self.size}, ranges={self.ranges})"


def plan(catalog: Catalog, link: str, build: Build, most: int = 1) -> Access:
    """Find out how a GDAL version opens a product.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the link.
    link : str
        The product's link.
    build : tuple of int
        Version of that GDAL.
    most : int, optional
        Number of first bytes of the file that are needed; they come with its size, in one request, unless it is on
        another host.

    Returns
    -------
    Access
        Name, options and expiry.

    Raises
    ------
    ServiceError
        If the service does not provide the product, or redirects to a forbidden address.
    """
    settings, transport = catalog.settings, catalog.transport
    own = transport.gdal_name(link)
    if own:
        return Access(own, Options({**READING, **WITHOUT_KEY}), url=link)
    url, headers, beginning = transport.follow_and_read(transport.check_link(link), most, within=True)
    if not headers:
        slow = SLOW if probes_whole(build) else ""
        if slow:
            _warn(slow)
        options = Options({**READING, **SIGNED, **WITHOUT_KEY})
        return Access(_vsicurl(url), options, expiry(url), slow=slow, url=url, grants_more=own is not None)

    size = ranged_length(headers, most)
    told = {"size": size, "ranges": size is not None, "url": url, "beginning": beginning}
    ends = expiry(url)
    if not authorization(url, settings):
        return Access(_vsicurl(url), Options({**READING, **DIRECT, **WITHOUT_KEY}), ends, **told)  # type: ignore[arg-type]
    if build >= KEEPS_OPTIONS:
        options = Options({**READING, **DIRECT, **WITHOUT_KEY, HEADERS: headers_option(settings)})
        return Access(_vsicurl(url), options, ends, **told)  # type: ignore[arg-type]
    return Access(_with_header_file(url, settings), Options({**READING, **DIRECT}), ends, **told)  # type: ignore[arg-type]


def probes_whole(build: Build) -> bool:
    """Return whether a GDAL version fetches a whole product at a signed address before it reads any part of it.

    Parameters
    ----------
    build : tuple of int
        Version of that GDAL.
    """
    return PROBES_WHOLE[0] <= build < PROBES_WHOLE[1]


def remark(access: Access) -> str:
    """Return the remark on GDAL versions that a list of names adds to a product.

    The driver cannot know which GDAL runs it, so the remark names the versions.

    Parameters
    ----------
    access : Access
        How the product is opened.

    Returns
    -------
    str
        The remark, with a leading space, or an empty string.
    """
    return " (fetched whole by GDAL 3.6.0 to 3.6.2)" if _is_signed(access) else ""


@cache
def _warn(text: str) -> None:
    log.warning("%s.", text)
    warn(f"{text}.", RuntimeWarning)


def expiry(url: str) -> Optional[float]:
    """Return when a signed address expires, in seconds since 1970, or None if it does not specify it.

    The parameters are those of the stores' own signatures: Amazon's (versions 4 and 2), Google's and Azure's. A
    parameter ``token`` may be a JSON Web Token, whose claim ``exp`` is the expiry (RFC 7519, section 4.1.4).

    Parameters
    ----------
    url : str
        The signed address.
    """
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    for store in ("amz", "goog"):
        begins, seconds = query.get(f"x-{store}-date"), parse_count(query.get(f"x-{store}-expires", ""))
        if begins and seconds is not None:
            try:
                return calendar.timegm(time.strptime(begins, "%Y%m%dT%H%M%SZ")) + float(seconds)
            except ValueError:
                return None
    if "sig" in query and "se" in query:
        try:
            return parse_time(query["se"]).timestamp()
        except ValueError:
            return None
    ends = query.get("expires", "")
    if "token" in query and not ends:
        return _token_expiry(query["token"])
    return float(ends) if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?", ends) else None


def _token_expiry(token: str) -> Optional[float]:
    """Return the claim ``exp`` of a JSON Web Token, unverified; None if it is invalid."""
    try:
        claims = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 < found < 1e12:
        return None
    return float(found)


def _vsicurl(url: str) -> str:
    return f"/vsicurl/{url}"


def _with_header_file(url: str, settings: Settings) -> str:
    return _parametrised(url, use_head="yes", header_file=str(header_file(settings)))


def self_contained(access: Access) -> str:
    """Return a name that needs no options, for programs whose options cannot be set.

    If GDAL in this process could not open it before, it will request it again.

    Parameters
    ----------
    access : Access
        How the product is opened.

    Returns
    -------
    str
        A ``/vsicurl?`` name, or that of another client of GDAL.
    """
    name = access.name
    if name.startswith("/vsicurl/"):
        name = _parametrised(name[len("/vsicurl/") :], use_head="no" if _is_signed(access) else "yes")
    forget_failure(name)
    return name


def _is_signed(access: Access) -> bool:
    return access.options.items() >= SIGNED.items()


def _parametrised(url: str, **parameters: str) -> str:
    # Escape every value: a bare "/" in one breaks GDAL's handling of paths. empty_dir keeps GDAL from looking for files
    # beside the product. gdal_translate still looks for one: it replaces the text after the last dot of the name by
    # "aux". That dot must not be in the host, or another host would receive the request, with the key. Hence the last
    # parameter has a fraction, whose digits do not matter.
    pairs: Mapping[str, str] = {
        "url": url,
        "empty_dir": "yes",
        **parameters,
        "max_retry": READING["GDAL_HTTP_MAX_RETRY"],
        "retry_delay": f"{float(READING['GDAL_HTTP_RETRY_DELAY']):.1f}",
    }
    return "/vsicurl?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())
