"""Ids of scenes and other items: which are valid, and their form in file names.

Client and service share these rules, so that an id can be named, fetched, stored and served unchanged on every system.
In file names, characters that are not allowed are percent-encoded (RFC 3986, section 2.1).
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

LONGEST_ID = 200
"""Maximum length of an id in characters."""

_LONGEST_NAME = 255  # bytes, the limit of common file systems
# Windows forbids < > : " / \ | ? *, and a final dot or space. A leading dot hides a file, a leading dash makes it an
# option. The percent sign is escaped because it introduces escapes.
_ESCAPED = re.compile(r'[<>:"/\\|?*%]|^[.\- ]|[. ]$')


def is_item_id(text: str) -> bool:
    """Return whether a text is a valid id: one line of printable characters, neither ``.`` nor ``..``.

    Parameters
    ----------
    text : str
        The text.
    """
    return 0 < len(text) <= LONGEST_ID and text.isprintable() and text not in (".", "..") and bool(text.strip())


def file_stem(item_id: str) -> str:
    """Return the beginning of the names of an item's files.

    Parameters
    ----------
    item_id : str
        The item.

    Raises
    ------
    ValueError
        If the id is invalid, or too long for a file name.
    """
    if not is_item_id(item_id):
        raise ValueError("no id")
    stem = _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", item_id)
    if len(stem.encode()) > _LONGEST_NAME - 50:  # leave room for the product and the suffix
        raise ValueError("too long for a file's name")
    return stem


def file_name(item_id: str, rest: str) -> str:
    """Return the name of an item's file; without the id if it is too long for a file name.

    Parameters
    ----------
    item_id : str
        The item.
    rest : str
        End of the name, with its suffix.
    """
    try:
        return f"{file_stem(item_id)}_{rest}"
    except ValueError:
        return rest


def id_of_stem(stem: str) -> str:
    """Return the id that `file_stem` encodes as this stem, else the stem itself.

    Decomposed characters are composed (Unicode, NFC), as file systems store either form.

    Parameters
    ----------
    stem : str
        Beginning of a file's name.
    """
    text = unicodedata.normalize("NFC", stem)
    if "%" not in text:
        return text
    item_id = unquote(text, errors="strict")
    try:
        return item_id if file_stem(item_id) == text else text
    except ValueError:
        return text
