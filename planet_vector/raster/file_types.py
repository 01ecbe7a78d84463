"""Detect the type of a file by its first bytes, so that no error page is kept under the name of a raster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from planet_vector.errors import ProtocolError

# TIFF 6.0, section 2, and BigTIFF with its 8-byte offsets (Adobe's and Aware Systems' BigTIFF design), in both byte
# orders.
_TIFF = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
_JP2 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")  # ISO/IEC 15444-1, annexes I and A
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # APPNOTE.TXT, 4.3.7 and 4.3.16: the second is an archive without files

_WANTED = {".tif": ("TIFF", _TIFF), ".tiff": ("TIFF", _TIFF), ".zip": ("zip archive", _ZIP)}

_OTHERS = {
    _TIFF: "a TIFF",
    _ZIP: "a zip archive",
    (b"\x89PNG\r\n\x1a\n",): "a PNG image",
    (b"\xff\xd8\xff",): "a JPEG image",
    (b"GIF87a", b"GIF89a"): "a GIF image",
    _JP2: "a JPEG 2000 image",
    (b"\x89HDF\r\n\x1a\n",): "an HDF5 file",
    (b"\x1f\x8b",): "a gzip file",
    (b"%PDF-",): "a PDF",
}

_JP2_ADVICE = "fetch its link with curl, or convert it at the service (gdal_translate -of COG)"

_HEAD = 1024  # bytes: enough for a prolog and a comment before the first element of a page


def check_kind(path: Path, name: str) -> None:
    """Check that the first bytes of a file match its suffix.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Its final name: a ``.tif`` or ``.tiff`` must be a TIFF, a ``.zip`` a zip archive.

    Raises
    ------
    ProtocolError
        If the file is of another type; the message specifies which.
    """
    kind, magics = _WANTED.get(Path(name).suffix.lower(), ("", ()))
    if not kind:
        return
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(magics):
        advice = f": {_JP2_ADVICE}" if head.startswith(_JP2) else "; try again later"
        raise ProtocolError(
            f"The service sent {_described(head)} for {name} instead of a {kind}. It is not kept{advice}."
        )


def is_tiff(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a TIFF.

    Parameters
    ----------
    head : bytes
        The first 8 bytes or more.
    """
    return head.startswith(_TIFF)


def is_jpeg2000(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a JPEG 2000 file.

    Parameters
    ----------
    head : bytes
        The first 12 bytes or more.
    """
    return head.startswith(_JP2)


def reason_of(head: bytes) -> str:
    """Return why a file that is no TIFF cannot be opened, as a predicate of its name.

    Parameters
    ----------
    head : bytes
        Its first bytes.
    """
    if head.startswith(_JP2):
        return f"is a JPEG 2000 file, and only GeoTIFFs are opened from this API: {_JP2_ADVICE}."
    return "is not a GeoTIFF that can be read: it has no TIFF header."


def _described(head: bytes) -> str:
    if not head:
        return "nothing"
    for magics, kind in _OTHERS.items():
        if head.startswith(magics):
            return kind
    return _text(head) or "bytes of an unknown type"


def _text(head: bytes) -> Optional[str]:
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = head.decode(encoding, "replace").lstrip().lower()
    if re.search(r"<(!doctype\s+html|html|head|body)\b", text):
        return "an HTML page"
    if "<vrtdataset" in text:
        return "a VRT, which refers to other files"
    if text.startswith("<"):
        return "XML"
    if text.startswith(("{", "[")):
        return "JSON"
    # A character may be cut off at the end of the head.
    shown = "".join((text if len(head) < _HEAD else text[:-4]).split())
    return "text" if shown and "\ufffd" not in shown and shown.isprintable() else None
