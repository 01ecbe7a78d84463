"""Ids of scenes: valid, unique in the archive, and bound to the paths of their files.

The id of a scene is that of its provider, or its file's name, if no other scene has it. If it repeats when the files
are first seen, each has its path as id, with ``~`` for ``/``; if a file is added later, that alone.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from typing import Callable, Dict, List, Mapping

from planet_vector.item_ids import LONGEST_ID, is_item_id

_DIGITS = 8  # of the SHA-256 of the path, at its end


def plain_id(text: str) -> str:
    """Return the valid id nearest to a text: composed (NFC), and with ``_`` for characters that no id has.

    Parameters
    ----------
    text : str
        Id by the provider or the file's name. It may be longer than an id.
    """
    if text.isascii() and is_item_id(text):
        return text
    composed = unicodedata.normalize("NFC", text)
    made = "".join(letter if letter.isprintable() else "_" for letter in composed)
    return made if made.strip() and made not in (".", "..") else "_" * max(1, len(made))


def changed_characters(text: str) -> List[str]:
    """Return the characters of a text that `plain_id` replaces, as they are shown to readers, each once.

    Parameters
    ----------
    text : str
        Id by the provider or the file's name.
    """
    composed = unicodedata.normalize("NFC", text)
    if composed and all(map(str.isprintable, composed)):
        return [] if composed.strip() and composed not in (".", "..") else [repr(composed)]
    return [_shown(letter) for letter in dict.fromkeys(composed) if not letter.isprintable()]


def _shown(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is not UTF-8 (PEP 383)
        return f"byte 0x{ord(letter) - 0xDC00:02X}"
    name = unicodedata.name(letter, "")
    return f"U+{ord(letter):04X}{name and ' '}{name}"


def path_id(path: str) -> str:
    """Return the id of a scene whose own id repeats; it may be longer than an id.

    Parameters
    ----------
    path : str
        Folder and id, with ``/``.
    """
    return plain_id(path.replace("/", "~"))


def shortened(scene_id: str, path: str, digits: int = _DIGITS) -> str:
    """Return an id that ends in digits that the path determines.

    Parameters
    ----------
    scene_id : str
        An id that may be too long.
    path : str
        Path of the scene.
    digits : int
        Number of hexadecimal digits.
    """
    digest = hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()
    return f"{scene_id[: LONGEST_ID - 2 - digits]}~{digest[:digits]}"


def valid_id(text: str, path: str) -> str:
    """Return the valid id nearest to a text, shortened if it is too long.

    Parameters
    ----------
    text : str
        Id by the provider or the file's name.
    path : str
        Path of the scene.
    """
    made = plain_id(text)
    return made if len(made) <= LONGEST_ID else shortened(made, path)


def free_id(path: str, is_taken: Callable[[str], bool]) -> str:
    """Return the id of a scene whose own id repeats.

    Parameters
    ----------
    path : str
        Folder and id, with ``/``.
    is_taken : callable
        Returns whether another scene has an id.
    """
    made = path_id(path)
    if is_item_id(made) and not is_taken(made):
        return made
    for digits in range(_DIGITS, 65):
        longer = shortened(made, path, digits)
        if not is_taken(longer):
            return longer
    raise AssertionError("SHA-256 has a collision")


def assign(named: Mapping[str, str], paths: Mapping[str, str], known: Mapping[str, str]) -> Dict[str, str]:
    """Return the ids of new scenes.

    Parameters
    ----------
    named : mapping of str to str
        The id that each scene of the archive has by its name, by the key of its unit: valid, but perhaps too long.
    paths : mapping of str to str
        Folder and id of each scene that is not in `known`, by key.
    known : mapping of str to str
        Ids of the scenes that have one already, by key. They stay.

    Returns
    -------
    dict of str to str
        Ids by the keys of `paths`.
    """
    taken = set(known.values())
    counts = Counter(named.values())
    found: Dict[str, str] = {}
    repeating = []
    for key in paths:
        own = named[key]
        if counts[own] == 1 and own not in taken and len(own) <= LONGEST_ID:
            found[key] = own
        else:
            repeating.append(key)
    taken.update(found.values())
    for key in sorted(repeating):
        own = named[key]
        if counts[own] == 1 and own not in taken:  # it is too long
            made = shortened(own, paths[key])
            found[key] = made if made not in taken else free_id(paths[key], taken.__contains__)
        else:
            found[key] = free_id(paths[key], taken.__contains__)
        taken.add(found[key])
    return found


def told_id(scene_id: str, raw: str) -> str:
    """Return why a scene has another id than its own, as a line of the report.

    Parameters
    ----------
    scene_id : str
        The id.
    raw : str
        Id by the provider or the file's name.
    """
    reasons = []
    changed = changed_characters(raw)
    if changed:
        reasons.append(f"ids have no {', '.join(changed)}")
    if len(raw) > LONGEST_ID:
        reasons.append(f"ids have at most {LONGEST_ID} characters")
    if plain_id(raw) != scene_id and len(raw) <= LONGEST_ID:
        reasons.append(f"{plain_id(raw)!r} repeats in the archive")
    return f"has the id {scene_id!r}, as {' and '.join(reasons)}"
