"""Read metadata files of unknown origin: bounded in size and depth, and without access to other files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, List, Optional
from xml.etree import ElementTree

MAX_METADATA = 32 * 2**20
"""Maximum bytes of a metadata file."""

_MOST_DEPTH = 100  # elements within elements; the deepest of the providers' have 15
_DECLARATION = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_ENCODINGS = ("utf-8", "us-ascii", "ascii", "iso-8859-1")  # in which "<!DOCTYPE" has the bytes of ASCII


class MetadataProblem(ValueError):
    """Raised if a metadata file cannot be read; the message is a predicate of its name."""


def read_bounded(path: Path) -> bytes:
    """Read a metadata file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    MetadataProblem
        If it is longer than `MAX_METADATA`.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_METADATA + 1)
    if len(content) > MAX_METADATA:
        raise MetadataProblem(f"is longer than {MAX_METADATA // 2**20} MB")
    return content


def parse_xml(content: bytes) -> ElementTree.Element:
    """Parse XML without document type and entities, which could expand without bounds or name other files.

    Parameters
    ----------
    content : bytes
        The document, in an encoding that contains ASCII.

    Returns
    -------
    xml.etree.ElementTree.Element
        The root.

    Raises
    ------
    MetadataProblem
        If it is not well-formed, too deeply nested, in another encoding, or has a document type.
    """
    encoding = _ENCODING.match(content.lstrip(b"\xef\xbb\xbf \t\r\n"))
    if b"\0" in content or (encoding and encoding[1].decode("latin-1").lower() not in _ENCODINGS):
        raise MetadataProblem("is XML in an unsupported encoding; UTF-8 is supported")
    if _DECLARATION.search(content):
        raise MetadataProblem("is XML with a document type, which is not read")
    try:
        return ElementTree.fromstring(content, ElementTree.XMLParser(target=_Builder()))
    except ElementTree.ParseError as error:
        raise MetadataProblem(f"is not XML ({error})") from None


class _Builder(ElementTree.TreeBuilder):
    """Builder of a tree of limited depth."""

    _depth = 0

    def start(self, tag: str, attrs: Dict[str, str], /) -> ElementTree.Element:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise MetadataProblem("is XML nested too deeply")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def local_name(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace.

    Parameters
    ----------
    element : xml.etree.ElementTree.Element
        The element.
    """
    return element.tag.rpartition("}")[2]


def elements(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Yield the elements of a name in any namespace and at any depth, in document order.

    Parameters
    ----------
    root : xml.etree.ElementTree.Element
        The element to search.
    name : str
        Local name.
    """
    return (element for element in root.iter() if local_name(element) == name)


def first_text(root: ElementTree.Element, *names: str) -> Optional[str]:
    """Return the text of the first element at a path of local names, each at any depth within the one before.

    Parameters
    ----------
    root : xml.etree.ElementTree.Element
        The element to search.
    *names : str
        Local names, outermost first.

    Returns
    -------
    str or None
        Without surrounding white space; None if there is no such element, or it has no text.
    """
    found: List[ElementTree.Element] = [root]
    for name in names:
        found = [inner for outer in found for inner in elements(outer, name) if inner is not outer]
    return next((element.text.strip() for element in found if element.text and element.text.strip()), None)


def children(element: ElementTree.Element) -> Dict[str, str]:
    """Return the texts of an element's children without children, by local name; of equal names the first.

    Parameters
    ----------
    element : xml.etree.ElementTree.Element
        The element.
    """
    found: Dict[str, str] = {}
    for child in element:
        if not len(child):
            found.setdefault(local_name(child), (child.text or "").strip())
    return found
