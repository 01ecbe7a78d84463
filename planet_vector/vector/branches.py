"""Access to nested properties, key by key for many scenes at once."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Dict, Mapping, Optional, Sequence

_NO_BRANCH: Mapping[str, Any] = {}


def values_of(trees: Sequence[Mapping[str, Any]]) -> Dict[str, Sequence[Any]]:
    """Return the values of each key that any tree has.

    Parameters
    ----------
    trees : sequence of mapping
        The same branch of the properties of each scene.

    Returns
    -------
    dict of str to sequence
        By key, a value for each tree; None if the tree lacks the key.
    """
    keys = tuple(trees[0]) if trees else ()
    if keys and set(map(len, trees)) == {len(keys)}:
        try:
            if len(keys) == 1:
                return {keys[0]: list(map(itemgetter(*keys), trees))}
            return dict(zip(keys, zip(*map(itemgetter(*keys), trees))))
        except KeyError:
            pass  # the same number of keys, but other keys
    return {key: [tree.get(key) for tree in trees] for key in set().union(*trees)}


def branches_of(
    key: str,
    values: Optional[Sequence[Any]],
    trees: Sequence[Mapping[str, Any]],
    rests: Dict[int, Dict[str, Any]],
) -> Sequence[Mapping[str, Any]]:
    """Return the values of a key as trees, an empty one for any other value.

    Parameters
    ----------
    key : str
        The key.
    values : sequence, optional
        Its value in each tree; None if no tree has the key.
    trees : sequence of mapping
        The trees that contain the values.
    rests : dict of int to dict
        By scene, the values without a column; gets the values that are not trees.
    """
    if values is None:
        return [_NO_BRANCH] * len(trees)
    if set(map(type, values)) == {dict}:
        return values
    for number, (tree, value) in enumerate(zip(trees, values)):
        if value.__class__ is not dict and key in tree:
            rests.setdefault(number, {})[key] = value
    return [value if value.__class__ is dict else _NO_BRANCH for value in values]
