"""Nested properties taken apart, key by key for many scenes at once."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Dict, Mapping, Optional, Sequence

_NO_BRANCH: Mapping[str, Any] = {}


def values_of(trees: Sequence[Mapping[str, Any]]) -> Dict[str, Sequence[Any]]:
    """Return the values of each key that any tree has, tree by tree; None where one has it not."""
    keys = tuple(trees[0]) if trees else ()
    if keys and set(map(len, trees)) == {len(keys)}:
        try:
            if len(keys) == 1:
                return {keys[0]: list(map(itemgetter(*keys), trees))}
            return dict(zip(keys, zip(*map(itemgetter(*keys), trees))))
        except KeyError:
            pass  # as many keys, but others
    return {key: [tree.get(key) for tree in trees] for key in set().union(*trees)}


def branches_of(
    key: str,
    values: Optional[Sequence[Any]],
    trees: Sequence[Mapping[str, Any]],
    rests: Dict[int, Dict[str, Any]],
) -> Sequence[Mapping[str, Any]]:
    """Return values as trees, and put those that are none to the rest of their scenes."""
    if values is None:
        return [_NO_BRANCH] * len(trees)
    if set(map(type, values)) == {dict}:
        return values
    for number, (tree, value) in enumerate(zip(trees, values)):
        if value.__class__ is not dict and key in tree:
            rests.setdefault(number, {})[key] = value
    return [value if value.__class__ is dict else _NO_BRANCH for value in values]
