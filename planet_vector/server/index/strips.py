"""Strips: one field of the scenes of a block, as bytes that numpy compares at once.

A strip is coded if it has few distinct values, or if no numpy type holds each value exactly; otherwise it is an array
of the values. The bytes are a header (a letter for the array's type, the length of the JSON), the distinct values of a
coded strip as JSON, and the array. Comparisons are exact, like those of Python numbers.
"""

from __future__ import annotations

import json
import math
import operator
from struct import Struct
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

FEW_VALUES = 256
"""Maximum number of distinct values of a strip that is coded with one byte for each scene."""

NO_TIME = -(2**63)
"""Marks a missing value in integer arrays, which have no NaN."""

_HEADER = Struct("<c3xI")
_TYPES: Mapping[bytes, np.dtype] = {
    b"d": np.dtype("<f8"), b"q": np.dtype("<i8"), b"f": np.dtype("<f4"), b"H": np.dtype("<u2"),
}  # fmt: skip
_CODES: Mapping[bytes, np.dtype] = {b"c": np.dtype("u1"), b"C": np.dtype("<u2")}
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le, "eq": operator.eq, "neq": operator.ne,
}  # fmt: skip


class Strip:
    """One field of the scenes of a block.

    Attributes
    ----------
    array : np.ndarray
        The values, with NaN or `NO_TIME` if missing; in a coded strip the index of each scene's value in `values`.
    """

    __slots__ = ("_text", "_values", "array")

    def __init__(self, array: np.ndarray, values: Optional[List[Any]] = None, text: bytes = b"") -> None:
        self.array = array
        self._values = values
        self._text = text

    @property
    def values(self) -> Optional[List[Any]]:
        """The distinct values of a coded strip, of which None means missing; None for other strips."""
        return json.loads(self._text) if self._text else self._values

    @property
    def nbytes(self) -> int:
        """Approximate size in memory, in bytes."""
        return self.array.nbytes + len(self._text)

    @classmethod
    def of_array(cls, values: Union[Sequence[Any], np.ndarray], letter: str) -> Strip:
        """Return a strip of numbers in an array of a given type.

        Parameters
        ----------
        values : sequence of number, or np.ndarray
            Values that the type can hold, with NaN or `NO_TIME` if missing.
        letter : str
            The type: ``d``, ``q``, ``f`` or ``H``, as in `struct`.
        """
        return cls(np.array(values, dtype=_TYPES[letter.encode()]))

    @classmethod
    def of_values(cls, values: Sequence[Any]) -> Strip:
        """Return the shortest strip of values that compares them exactly.

        Parameters
        ----------
        values : sequence of number, str or None
            A value for each scene; None if missing.
        """
        # If there are many distinct values, the first thousand nearly always show it, in a fraction of the time.
        distinct = set(values[:1000])
        if len(distinct) <= FEW_VALUES:
            distinct = set(values)
        if len(distinct) > FEW_VALUES and all(type(v) in (int, float) or v is None for v in distinct):
            array = _exact(values)
            if array is not None:
                return cls(array)
        known: Dict[Any, int] = {}
        codes = [known.setdefault(value, len(known)) for value in values]
        return cls(np.array(codes, dtype="u1" if len(known) <= FEW_VALUES else "<u2"), list(known))

    @classmethod
    def from_bytes(cls, data: bytes) -> Strip:
        """Return the strip that `to_bytes` serialized.

        Parameters
        ----------
        data : bytes
            A stored strip.

        Returns
        -------
        Strip
            A strip whose array is a read-only view of the bytes.
        """
        letter, length = _HEADER.unpack_from(data)
        if letter in _TYPES:
            return cls(np.frombuffer(data, _TYPES[letter], offset=_HEADER.size))
        start = _HEADER.size + length
        text = data[_HEADER.size : start]
        array = np.frombuffer(data, _CODES[letter], offset=start)
        # Many texts take several times the memory as a list, and are rarely compared, so they are parsed on use.
        return cls(array, json.loads(text)) if letter == b"c" else cls(array, text=text)

    def to_bytes(self) -> bytes:
        """Return the strip as it is stored."""
        values = self.values
        letter = next(key for key, kind in (_TYPES if values is None else _CODES).items() if kind == self.array.dtype)
        text = b"" if values is None else json.dumps(values, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)  # aligned arrays are read faster
        return _HEADER.pack(letter, len(text)) + text + self.array.tobytes()

    def to_list(self) -> List[Any]:
        """Return the values, with None if missing."""
        found: List[Any] = self.array.tolist()
        values = self.values
        if values is not None:
            return [values[code] for code in found]
        if self.array.dtype.kind == "f":
            return [None if value != value else value for value in found]
        return [None if value == NO_TIME else value for value in found]

    def compare(self, comparator: str, operand: Any) -> np.ndarray:
        """Compare the values with an operand.

        Parameters
        ----------
        comparator : str
            ``gt``, ``gte``, ``lt``, ``lte``, ``eq`` or ``neq``.
        operand : number or str
            A finite number or a text, of the type of the values.

        Returns
        -------
        np.ndarray of bool, shape (scenes,)
            True for the scenes whose value meets the condition; always False for missing values.
        """
        values = self.values
        if values is not None:
            compare = _COMPARE[comparator]
            hits = np.array([value is not None and compare(value, operand) for value in values], dtype=bool)
            return np.asarray(hits[self.array])
        none = self._missing()
        comparator, operand = self._nearest(comparator, operand)
        if operand is None:
            found = np.full(len(self.array), comparator == "neq")
        else:
            found = np.asarray(_COMPARE[comparator](self.array, operand))
        found &= ~none
        return found

    def present(self) -> np.ndarray:
        """Return a mask of the scenes that have a value.

        Returns
        -------
        np.ndarray of bool, shape (scenes,)
        """
        values = self.values
        if values is None:
            return ~self._missing()
        return np.asarray(np.array([value is not None for value in values], dtype=bool)[self.array])

    def _missing(self) -> np.ndarray:
        return np.isnan(self.array) if self.array.dtype.kind == "f" else np.asarray(self.array == NO_TIME)

    def _nearest(self, comparator: str, operand: Any) -> Tuple[str, Any]:
        """Return an equivalent comparison with a number of the array's type.

        The operand is None for ``eq`` and ``neq`` if no number of that type is equal.
        """
        kind = self.array.dtype.type
        nearest: Union[int, float]
        if self.array.dtype.kind == "f":
            try:
                nearest = float(operand)
            except OverflowError:
                nearest = math.inf if operand > 0 else -math.inf
        else:
            nearest = min(max(math.floor(operand), NO_TIME), 2**63 - 1)
        if nearest == operand or comparator in ("eq", "neq"):
            return comparator, kind(nearest) if nearest == operand else None
        # No value of the array's type lies between the operand and its nearest number.
        upwards = "gte" if nearest > operand else "gt"
        downwards = "lt" if nearest > operand else "lte"
        return (upwards if comparator in ("gt", "gte") else downwards), kind(nearest)


def _exact(values: Sequence[Any]) -> Optional[np.ndarray]:
    """Return numbers as an array of a type that holds each exactly and has a marker for missing values, or None."""
    whole = [value for value in values if type(value) is int]
    if all(-(2**53) <= value <= 2**53 for value in whole):
        return np.array([math.nan if value is None else value for value in values], dtype="<f8")
    if len(whole) + sum(value is None for value in values) == len(values) and all(
        NO_TIME < value < 2**63 for value in whole
    ):
        return np.array([NO_TIME if value is None else value for value in values], dtype="<i8")
    return None
