"""Masks of usable pixels: which words select what, and what the values of their pixels mean.

UDM2: Planet, "Usable Data Masks" (bands of version 2.1; 1 where a pixel belongs to the class). UDM: the same page (bits
of the unusable data mask: 0 for black fill, 1 for clouds, 2 to 7 for missing or suspect data in bands). SCL: European
Space Agency, Sentinel-2 Level-2A Algorithm Overview, table of the scene classification. QA_PIXEL: U.S. Geological
Survey, Landsat 8-9 Collection 2 Level 2 Science Product Guide (LSDS-1619), Landsat 4-7 Collection 2 Level 2 Science
Product Guide (LSDS-1618) and Landsat MSS Collection 2 Level 1 Data Format Control Book (LSDS-1416), tables of the bits
of the pixel quality assessment band.
"""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Iterable, Mapping, Optional, Sequence, Tuple

from planet_vector.assets import MaskAsset, PixelClasses
from planet_vector.errors import QueryError

UNCLEAR = "unclear"
"""The word for all pixels that are not clear."""

WORDS: Mapping[str, str] = {
    "clouds": "clouds",
    "haze": "light and heavy haze",
    "light_haze": "light haze",
    "heavy_haze": "heavy haze",
    "shadow": "shadows of clouds",
    "snow": "snow and ice",
    UNCLEAR: "all that is not clear",
}
"""The words that select hidden pixels, and what they hide."""

_SYNONYMS = {"cloud": "clouds", "shadows": "shadow", "light-haze": "light_haze", "heavy-haze": "heavy_haze"}

_ZERO, _ONE, _BYTES = frozenset({0}), frozenset({1}), frozenset(range(256))


def _without(*values: int) -> Mapping[int, FrozenSet[int]]:
    """Return the shown values of a band of classes, all but some."""
    return {1: frozenset(range(12)) - frozenset(values)}


UDM2 = PixelClasses(
    "udm2",
    {
        # Anything but 1 is not clear, and anything but 0 belongs to a class.
        UNCLEAR: {1: _ONE},
        "snow": {2: _ZERO},
        "shadow": {3: _ZERO},
        "light_haze": {4: _ZERO},
        "heavy_haze": {5: _ZERO},
        "haze": {4: _ZERO, 5: _ZERO},
        "clouds": {6: _ZERO},
    },
)
"""Planet's usable data mask, with a band for each class."""

UDM = PixelClasses(
    "udm", {UNCLEAR: {1: _ZERO}, "clouds": {1: frozenset(value for value in _BYTES if not value & 0b10)}}
)
"""Planet's unusable data mask, a band of bits."""

SCL = PixelClasses(
    "scl",
    {
        # 0 is no data, 1 saturated or defective, 2 ground in the shadow of hills, 4 vegetation, 5 bare, 6 water,
        # 7 unclassified.
        UNCLEAR: {1: frozenset({2, 4, 5, 6, 7})},
        "clouds": _without(8, 9, 10),
        "shadow": _without(3),
        "snow": _without(11),
    },
)
"""Sentinel-2's scene classification, a band of classes."""

_FILL, _DILATED_CLOUD, _CIRRUS, _CLOUD, _CLOUD_SHADOW, _SNOW = (1 << bit for bit in range(6))
_QA_BITS = 0b111111


def _without_bits(bits: int) -> Mapping[int, FrozenSet[int]]:
    return {1: frozenset(value for value in range(_QA_BITS + 1) if not value & bits)}


QA_PIXEL = PixelClasses(
    "qa_pixel",
    {
        # Bit 6 (clear) is set beside bit 4 or 5, so it does not tell. Bits 8 to 15 are confidences.
        UNCLEAR: _without_bits(_QA_BITS),
        "clouds": _without_bits(_DILATED_CLOUD | _CIRRUS | _CLOUD),
        "shadow": _without_bits(_CLOUD_SHADOW),
        "snow": _without_bits(_SNOW),
    },
    _QA_BITS,
)
"""Landsat's pixel quality assessment of Collection 2, a band of 16 bits."""

QA_PIXEL_OF_MSS = PixelClasses(
    "qa_pixel",
    # The other bits of MSS are unused, so it does not tell shadows and snow.
    {UNCLEAR: _without_bits(_FILL | _CLOUD), "clouds": _without_bits(_CLOUD)},
    _FILL | _CLOUD,
)
"""The same band of Landsat's MSS."""

_OF_COLLECTION_2 = re.compile(
    r"(?:.*[^A-Za-z0-9])?L([MTEOC])0\d_L\w{3}_\d{6}_\d{8}_(?:\d{8}_)?02_(?:T1|T2|RT)(?:_\w+)?"
)

KINDS: Mapping[str, PixelClasses] = {kind.name: kind for kind in (UDM2, UDM, SCL, QA_PIXEL)}
"""The kinds of masks, by name."""


Rules = Sequence[Tuple[str, str, str, PixelClasses]]
"""Masks by product: regular expressions of a collection and of a product, the name of the mask as a replacement for
that of the product, and its kind. The first that matches applies."""


def sensor_of_collection_2(scene_id: str) -> str:
    """Return the letter of a Landsat sensor from the id of a scene, which tells the meanings of the bits of QA_PIXEL.

    Parameters
    ----------
    scene_id : str
        The id, such as ``LC08_L2SP_028030_20200114_20200824_02_T1``.

    Returns
    -------
    str
        The second letter of the id; empty if it is not one of Collection 2, as the bits had other meanings before.
    """
    match = _OF_COLLECTION_2.fullmatch(scene_id)
    return match[1] if match else ""


def mask_by(rules: Rules, collection: str, product: str, sensor: str = "") -> Optional[MaskAsset]:
    """Return the asset that masks a product, or None if there is no rule for it.

    Parameters
    ----------
    rules : sequence of (str, str, str, PixelClasses)
        The masks of a service.
    collection, product : str
        Names of the collection and of the product.
    sensor : str
        As `sensor_of_collection_2` returns it; without one, QA_PIXEL is no mask.
    """
    for kind, pattern, mask, classes in rules:
        match = re.fullmatch(pattern, product)
        if match and re.fullmatch(kind, collection) and (classes is not QA_PIXEL or sensor):
            name = match.expand(mask)
            told = QA_PIXEL_OF_MSS if classes is QA_PIXEL and sensor == "M" else classes
            return None if name == product else MaskAsset(name, told)
    return None


def parse_mask(text: str) -> Tuple[str, ...]:
    """Return the words of a mask, such as ``clouds,haze,shadow``, each once.

    Parameters
    ----------
    text : str
        Words of `WORDS`, separated by commas; or the name of one of `KINDS`, which hides all that is not clear.

    Returns
    -------
    tuple of str
        Words of `WORDS`, or one name of `KINDS`.

    Raises
    ------
    QueryError
        If a word is unknown.
    """
    given = [word for word in re.split(r"[,\s]+", text.strip().lower()) if word]
    words = tuple(dict.fromkeys(_SYNONYMS.get(word, word) for word in given))
    if len(words) == 1 and words[0] in KINDS:
        return words
    unknown = [word for word in words if word not in WORDS]
    if unknown or not words:
        told = f"{unknown[0]!r} is no word for a mask" if unknown else "The mask is empty"
        raise QueryError(f"{told}: it takes {', '.join(WORDS)}, separated by commas, or one of {', '.join(KINDS)}.")
    return words


def shown_values(classes: PixelClasses, words: Iterable[str]) -> Dict[int, FrozenSet[int]]:
    """Return the values that pixels of a mask have where nothing is hidden.

    Parameters
    ----------
    classes : PixelClasses
        The kind of the mask.
    words : iterable of str
        As `parse_mask` returns them.

    Returns
    -------
    dict of int to frozenset of int
        By the number of a band of the mask, counted from 1. A pixel is shown if all bands have one of their values.

    Raises
    ------
    QueryError
        If masks of this kind do not tell what a word hides.
    """
    found: Dict[int, FrozenSet[int]] = {}
    for word in words:
        if word in KINDS and word != classes.name:
            raise QueryError(f"The mask is of the kind {classes.name}, not {word}: take {classes.name} or {UNCLEAR}.")
        shown = classes.shown.get(UNCLEAR if word in KINDS else word)
        if shown is None:
            told = f"A mask of the kind {classes.name} does not tell {WORDS[word]}"
            raise QueryError(f"{told}: take some of {', '.join(classes.shown)}.")
        for number, values in shown.items():
            found[number] = found.get(number, values) & values
    return found
