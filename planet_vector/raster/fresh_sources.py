"""Let GDAL open the sources of a VRT again each time the VRT is written.

GDAL keeps the open sources of all VRTs of a process together, by name and open options, until the last VRT is closed.
It keeps a failure to open one, too: once a service did not respond, its file stays missing in every VRT, without a
further request, as long as any other is open. With an option of its own, which no driver knows, a source is not the one
that failed. What GDAL has read over HTTP stays cached, as that depends on the address alone.

This module needs only the standard library, because the GDAL driver runs it in any Python that embeds GDAL.
"""

from __future__ import annotations

import uuid
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring  # noqa: S405 - only XML of here and of GDAL

_OPTION = "@PLANET_VECTOR_WRITTEN"  # GDAL passes over unknown options that begin with an @


def with_fresh_sources(text: str) -> str:
    """Return the text of a VRT whose sources are not those of any other VRT to GDAL.

    Parameters
    ----------
    text : str
        The text, written by this package, or by GDAL from that. VRTs in it are changed, too; files of VRTs are not.

    Returns
    -------
    str
        The same, with another value of an option that GDAL ignores for each call.
    """
    return _written(text, fresh_value())


def fresh_value() -> str:
    """Return a value that no source had before."""
    return uuid.uuid4().hex[:12]


def open_options(value: str) -> Element:
    """Return the element of a source with an option of its own.

    Parameters
    ----------
    value : str
        As `fresh_value` returns it.
    """
    options = Element("OpenOptions")
    SubElement(options, "OOI", key=_OPTION).text = value
    return options


def _written(text: str, value: str) -> str:
    root = fromstring(text)  # noqa: S314 - written by this package, and by GDAL from that
    for parent in list(root.iter()):
        for at, child in enumerate(list(parent)):
            if child.tag not in ("SourceFilename", "SourceDataset") or not child.text:
                continue
            if child.text.lstrip().startswith("<"):
                child.text = _written(child.text, value)
            if parent.tag != "Overview":  # which has no options, and is not among those that GDAL keeps
                _set_option(parent, at + 1, value)
    return tostring(root, encoding="unicode")


def _set_option(parent: Element, at: int, value: str) -> None:
    options = parent.find("OpenOptions")
    if options is None:
        parent.insert(at, open_options(value))
        return
    for option in options.findall("OOI"):
        if option.get("key") == _OPTION:
            option.text = value
            return
    options.extend(open_options(value))
