"""How a product is opened where it lies: a product link becomes a name, and options, for the GDAL at hand.

What GDAL may be trusted with depends on where the link leads, so that is found out here, in Python:

=============================  ================================================================================
the link                       what GDAL is given
=============================  ================================================================================
answers itself, no key         the link, and options that keep any other credentials away
answers itself, with a key     the link, and the key as an option for the moment of opening (GDAL 3.9 or later);
                               before, a name that refers to a file of headers which only its owner can read
leads to another host          that host's signed address, bare: it holds its own permission, and the key
                               is never sent there, by Python or by GDAL
=============================  ================================================================================

The name holds no key in any case. Only the standard library and requests are needed here: the GDAL driver uses
this module in whatever Python it finds.
"""

from __future__ import annotations

import calendar
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
from planet_vector.raster.credential_files import header_file, headers_option
from planet_vector.raster.gdal_options import DIRECT, HEADERS, READING, SIGNED, WITHOUT_KEY, Options

Build = Tuple[int, int, int]

KEEPS_OPTIONS: Build = (3, 9, 0)
"""The first GDAL that is known to keep the HTTP options of the moment of opening for later reads (3.6 does not)."""

ANY_BUILD: Build = (0, 0, 0)
"""Stands for a GDAL whose version nobody tells, as in the driver."""

PROBES_WHOLE: Tuple[Build, Build] = ((3, 6, 0), (3, 6, 3))
"""From the first to before the second, GDAL fetches a whole file to learn the size of one that refuses HEAD."""

SLOW = "GDAL 3.6.0 to 3.6.2 fetches a product at a signed address whole before it reads any of it: take 3.6.3 or later"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
    """How one GDAL opens one product.

    Attributes
    ----------
    name : str
        What GDAL is to open; no key in it.
    options : Options
        GDAL's configuration options at the moment of opening; the secret one is not printed.
    expires : float or None
        When a signed address ends, in seconds since 1970.
    size : int or None
        Bytes of the file, where the service told.
    ranges : bool
        Whether parts of the file can be read; False is certain, True is hoped for on another host.
    slow : str
        Why opening will be slow, or nothing; also said by a warning, once in a process.
    url : str
        The address alone.
    """

    name: str
    options: Options = field(default_factory=Options)
    expires: Optional[float] = None
    size: Optional[int] = None
    ranges: bool = True
    slow: str = ""
    url: str = ""

    def __repr__(self) -> str:
        # Not the query, which may hold a signature.
        name = self.name.partition("?url=")[0] if self.name.startswith("/vsicurl?") else self.name.partition("?")[0]
        return f"Access({name!r}, {self.options!r}, expires={self.expires}, size={self.size}, ranges={self.ranges})"


def plan(catalog: Catalog, link: str, build: Build) -> Access:
    """Find out how a GDAL opens a product.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the link.
    link : str
        The product's link.
    build : tuple of int
        The version of that GDAL.

    Raises
    ------
    ServiceError
        When the service does not give the product, or leads where nobody should follow.
    """
    settings, transport = catalog.settings, catalog.transport
    url, headers = transport.follow(transport.check_link(link), within=True)
    if not headers:
        slow = SLOW if probes_whole(build) else ""
        if slow:
            _warn(slow)
        return Access(_vsicurl(url), Options({**READING, **SIGNED, **WITHOUT_KEY}), expiry(url), slow=slow, url=url)

    size = ranged_length(headers)
    told = {"size": size, "ranges": size is not None, "url": url}
    if not authorization(url, settings):
        return Access(_vsicurl(url), Options({**READING, **DIRECT, **WITHOUT_KEY}), None, **told)  # type: ignore[arg-type]
    if build >= KEEPS_OPTIONS:
        options = Options({**READING, **DIRECT, **WITHOUT_KEY, HEADERS: headers_option(settings)})
        return Access(_vsicurl(url), options, None, **told)  # type: ignore[arg-type]
    return Access(_with_header_file(url, settings), Options({**READING, **DIRECT}), None, **told)  # type: ignore[arg-type]


def probes_whole(build: Build) -> bool:
    """Tell whether a GDAL fetches a product at a signed address whole before it reads any of it."""
    return PROBES_WHOLE[0] <= build < PROBES_WHOLE[1]


def remark(access: Access) -> str:
    """Return what a list of names should say of one beside what it is; no driver is told which GDAL runs it."""
    return " (fetched whole by GDAL 3.6.0 to 3.6.2)" if _is_signed(access) else ""


@cache
def _warn(text: str) -> None:
    log.warning("%s.", text)
    warn(f"{text}.", RuntimeWarning)


def expiry(url: str) -> Optional[float]:
    """Return when a signed address ends, in seconds since 1970, or None when it does not say.

    The parameters are those of the stores' own signatures: Amazon's (versions 4 and 2) and Google's.
    """
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    for store in ("amz", "goog"):
        begins, seconds = query.get(f"x-{store}-date"), parse_count(query.get(f"x-{store}-expires", ""))
        if begins and seconds is not None:
            try:
                return calendar.timegm(time.strptime(begins, "%Y%m%dT%H%M%SZ")) + float(seconds)
            except ValueError:
                return None
    ends = query.get("expires", "")
    return float(ends) if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?", ends) else None


def _vsicurl(url: str) -> str:
    return f"/vsicurl/{url}"


def _with_header_file(url: str, settings: Settings) -> str:
    return _parametrised(url, use_head="yes", header_file=str(header_file(settings)))


def self_contained(access: Access) -> str:
    """Return a name that needs no options, for a program whose options are not ours to set."""
    if access.name.startswith("/vsicurl?"):
        return access.name
    url = access.name[len("/vsicurl/") :]
    return _parametrised(url, use_head="no" if _is_signed(access) else "yes")


def _is_signed(access: Access) -> bool:
    return access.options.items() >= SIGNED.items()


def _parametrised(url: str, **parameters: str) -> str:
    # Every value is escaped: a bare "/" in one breaks GDAL's handling of paths. empty_dir keeps it from looking for
    # files beside the product; gdal_translate looks for one all the same, under the name with what follows its last
    # dot replaced by "aux". That dot must not be one of the host's, or another host is asked, with the key: hence the
    # fraction of the last parameter, whatever follows which the file is the same.
    pairs: Mapping[str, str] = {
        "url": url,
        "empty_dir": "yes",
        **parameters,
        "max_retry": READING["GDAL_HTTP_MAX_RETRY"],
        "retry_delay": f"{float(READING['GDAL_HTTP_RETRY_DELAY']):.1f}",
    }
    return "/vsicurl?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())
