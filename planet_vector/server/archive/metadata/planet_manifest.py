"""The manifest of a Planet order: its files, with their items and assets."""

from __future__ import annotations

import re
from typing import Iterator, List, Mapping, NamedTuple, Optional

from planet_vector.item_ids import is_item_id
from planet_vector.server.archive.metadata.bounded import MetadataProblem
from planet_vector.server.archive.scene_features import parse_json

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_ASSET = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_MOST_PARTS = 64  # folders of a path
_SHOWN = 60  # characters of a path in a message


class Entry(NamedTuple):
    """A file of an order.

    Attributes
    ----------
    path : str
        Path relative to the manifest, with ``/``, without ``.`` and ``..``.
    item_type, item_id : str or None
        Its item; None for files of no item, and unusable names.
    asset_type : str or None
        Its asset; None for metadata of the item, and unusable names.
    """

    path: str
    item_type: Optional[str]
    item_id: Optional[str]
    asset_type: Optional[str]


class Manifest(NamedTuple):
    """Files of an order.

    Attributes
    ----------
    entries : list of Entry
        Its files; of equal paths the first.
    problems : list of str
        What is unusable, as predicates of the manifest.
    """

    entries: List[Entry]
    problems: List[str]


def parse_manifest(content: bytes) -> Optional[Manifest]:
    """Parse a manifest.

    Parameters
    ----------
    content : bytes
        A file with the name ``manifest.json``.

    Returns
    -------
    Manifest or None
        None if it is another kind of file.

    Raises
    ------
    MetadataProblem
        If it is not JSON.
    """
    try:
        document = parse_json(content)
    except ValueError as error:
        raise MetadataProblem(str(error)) from None
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, list) or not any(map(_is_entry, files)):
        return None
    return _manifest(files)


def is_file_manifest(content: bytes) -> bool:
    """Return whether a file is the manifest of one file of an order.

    Parameters
    ----------
    content : bytes
        A file with the name ``<file>_manifest.json``.
    """
    try:
        return _is_entry(parse_json(content))
    except ValueError:
        return False


def _is_entry(entry: object) -> bool:
    """Return whether an object describes a file: ``manifest.json`` is also a name of other programs' files."""
    return isinstance(entry, dict) and isinstance(entry.get("path"), str) and (
        isinstance(entry.get("annotations"), dict) or isinstance(entry.get("digests"), dict)
    )  # fmt: skip


def _manifest(files: List[object]) -> Manifest:
    found: Mapping[str, Entry] = {}
    entries = dict(found)
    outside: List[str] = []
    unreadable = 0
    for file in files:
        said = file.get("path") if isinstance(file, dict) else None
        if not isinstance(file, dict) or not isinstance(said, str):
            unreadable += 1
            continue
        path = _inside(said)
        if path is None:
            outside.append(said)
            continue
        given = file.get("annotations")
        annotations = given if isinstance(given, dict) else {}
        item = annotations.get("planet/item_id")
        entry = Entry(
            path,
            _name(annotations.get("planet/item_type"), _TYPE),
            item if isinstance(item, str) and is_item_id(item) and "/" not in item and "\\" not in item else None,
            _name(annotations.get("planet/asset_type"), _ASSET),
        )
        entries.setdefault(path, entry)
    return Manifest(list(entries.values()), list(_complaints(outside, unreadable)))


def _complaints(outside: List[str], unreadable: int) -> Iterator[str]:
    if outside:
        shown = outside[0] if len(outside[0]) <= _SHOWN else outside[0][: _SHOWN - 1] + "…"
        yield f"names {len(outside)} file{'s' * (len(outside) > 1)} outside of its folder, such as {shown!r}"
    if unreadable:
        yield f"lists {unreadable} file{'s' * (unreadable > 1)} without a path"


def _inside(path: str) -> Optional[str]:
    """Return a path within the folder of the manifest, or None: ``..``, a drive or a root leads out of it."""
    if "\\" in path or ":" in path or not path.isprintable() or path.startswith("/") or path.count("/") > _MOST_PARTS:
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return "/".join(parts) if parts and ".." not in parts else None


def _name(value: object, pattern: re.Pattern[str]) -> Optional[str]:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
