"""Landsat's metadata file, MTL: as text (ODL), JSON or XML, of each generation.

The three forms contain the same groups. A key is looked up in its group, because level 2 repeats the names of level 1
with other values. The outermost group does not identify the generation, and is ignored.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any, Deque, Dict, Iterator, List, Mapping, Optional, Tuple
from xml.etree import ElementTree

from planet_vector.server.archive.metadata.bounded import MetadataProblem, children, local_name, parse_xml

Groups = Mapping[str, Mapping[str, str]]
"""Texts by group and key, without quotation marks."""

_GROUP = re.compile(r"\s*(GROUP|END_GROUP)\s*=\s*(\w+)\s*")
_VALUE = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*")


def parse_mtl(content: bytes) -> Dict[str, Dict[str, str]]:
    """Parse a metadata file in any of its forms.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    dict of str to dict of str to str
        Texts by group and key; of equal keys in a group the first.

    Raises
    ------
    MetadataProblem
        If it is none of the forms, or has no group.
    """
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{":
        found = _merged(_json_values(content))
    elif start == b"<":
        found = _merged(_xml_values(parse_xml(content)))
    else:
        found = _merged(_text_values(content.decode("utf-8", "replace")))
    if not found:
        raise MetadataProblem("is not a Landsat metadata file: it contains no group")
    return found


def value(groups: Groups, key: str, *names: str) -> Optional[str]:
    """Return the text of a key in the first of several groups that has it.

    Parameters
    ----------
    groups : mapping
        Result of `parse_mtl`.
    key : str
        The key.
    *names : str
        Names of groups, in order of preference.

    Returns
    -------
    str or None
        None if none of the groups has it, or its text is empty.
    """
    return next((groups[name][key] for name in names if groups.get(name, {}).get(key)), None)


def _merged(values: Iterator[Tuple[str, str, str]]) -> Dict[str, Dict[str, str]]:
    found: Dict[str, Dict[str, str]] = {}
    for group, key, text in values:
        found.setdefault(group, {}).setdefault(key, text)
    return found


def _text_values(text: str) -> Iterator[Tuple[str, str, str]]:
    within: List[str] = []
    for line in text.splitlines():
        if line.strip() == "END":
            return
        group = _GROUP.fullmatch(line)
        if group and group[1] == "GROUP":
            within.append(group[2])
        elif group:
            if not within or within.pop() != group[2]:
                raise MetadataProblem(f"is not a Landsat metadata file: the group {group[2]} ends, but did not begin")
        else:
            found = _VALUE.fullmatch(line)
            if found and within:
                yield within[-1], found[1], _unquoted(found[2])


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _json_values(content: bytes) -> Iterator[Tuple[str, str, str]]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise MetadataProblem("is JSON nested too deeply") from None
    except ValueError as error:
        raise MetadataProblem(f"is not JSON ({error})") from None
    # Group within group: LANDSAT_METADATA_FILE, then the groups, then their values.
    pending: Deque[Tuple[str, Any]] = deque([("", document)])
    while pending:
        group, node = pending.popleft()
        if not isinstance(node, dict):
            continue
        for key, inner in node.items():
            if isinstance(inner, dict):
                pending.append((key, inner))
            elif isinstance(inner, (str, int, float)) and not isinstance(inner, bool):
                yield group, key, str(inner)


def _xml_values(root: ElementTree.Element) -> Iterator[Tuple[str, str, str]]:
    for node in root.iter():
        if len(node):
            yield from ((local_name(node), key, text) for key, text in children(node).items())
