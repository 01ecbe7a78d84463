"""Ids of scenes and other items: which there can be, and how one is written as a file's name.

One rule for client and service: what a service calls a scene can be named, fetched, kept and served again under the
same id, on each system. Names of files are percent-encoded (RFC 3986, section 2.1) where a character is not allowed.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

LONGEST_ID = 200
"""Characters of an id."""

_LONGEST_NAME = 255  # bytes of a file's name on the file systems in use
# Windows takes none of < > : " / \ | ? *, and no dot or space at the end. A dot at the beginning hides a file, a dash
# makes it an option. The percent sign stands for itself.
_ESCAPED = re.compile(r'[<>:"/\\|?*%]|^[.\- ]|[. ]$')


def is_item_id(text: str) -> bool:
    """Tell whether a text can be an item's id: one line of printable characters, but neither ``.`` nor ``..``."""
    return 0 < len(text) <= LONGEST_ID and text.isprintable() and text not in (".", "..") and bool(text.strip())


def file_stem(item_id: str) -> str:
    """Return what names of files begin with that belong to an item.

    Raises
    ------
    ValueError
        If it is no id, or is too long for a file's name.
    """
    if not is_item_id(item_id):
        raise ValueError("no id")
    stem = _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", item_id)
    if len(stem.encode()) > _LONGEST_NAME - 50:  # the product and the suffix follow
        raise ValueError("too long for a file's name")
    return stem


def file_name(item_id: str, rest: str) -> str:
    """Return the name of a file that belongs to an item; without the id where that is too long for one.

    Parameters
    ----------
    item_id : str
        The item.
    rest : str
        Which file it is, with its suffix.
    """
    try:
        return f"{file_stem(item_id)}_{rest}"
    except ValueError:
        return rest


def id_of_stem(stem: str) -> str:
    """Return the id that a file's name begins with: the one that `file_stem` writes so, else the text as it is.

    Composed characters are taken for decomposed ones, as file systems write either (Unicode, NFC).
    """
    text = unicodedata.normalize("NFC", stem)
    item_id = unquote(text, errors="strict") if "%" in text else text
    try:
        return item_id if file_stem(item_id) == text else text
    except ValueError:
        return text
