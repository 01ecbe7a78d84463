"""Strips: one field of the scenes of a block, as bytes that numpy compares at once.

A strip is coded where few values repeat, and where numpy has no type that holds each value exactly; otherwise it is
an array. The bytes are a header (a letter for the array's type, the length of the JSON), the distinct values of a coded
strip as JSON, and the array. Comparisons are exact, as those of Python's numbers are.
"""

from __future__ import annotations

import json
import math
import operator
from struct import Struct
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

FEW_VALUES = 256
"""Distinct values up to which a strip is coded: a byte a scene."""

NO_TIME = -(2**63)
"""Stands for no value among integers, which know no NaN."""

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
        The values, with NaN or `NO_TIME` for none; in a coded strip the place of each scene's value in `values`.
    """

    __slots__ = ("_text", "_values", "array")

    def __init__(self, array: np.ndarray, values: Optional[List[Any]] = None, text: bytes = b"") -> None:
        self.array = array
        self._values = values
        self._text = text

    @property
    def values(self) -> Optional[List[Any]]:
        """The distinct values of a coded strip (None among them is no value); None of another."""
        return json.loads(self._text) if self._text else self._values

    @property
    def nbytes(self) -> int:
        """Bytes the strip takes in memory, about."""
        return self.array.nbytes + len(self._text)

    @classmethod
    def of_array(cls, values: Union[Sequence[Any], np.ndarray], letter: str) -> Strip:
        """Return a strip of numbers that a type holds: ``d``, ``q``, ``f`` or ``H``, as `struct` names them."""
        return cls(np.array(values, dtype=_TYPES[letter.encode()]))

    @classmethod
    def of_values(cls, values: Sequence[Any]) -> Strip:
        """Return the shortest strip of values (numbers or texts; None for none) that compares them exactly."""
        # The first thousand tell nearly always that there are many, in a fraction of the time.
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
        """Read what `to_bytes` wrote."""
        letter, length = _HEADER.unpack_from(data)
        if letter in _TYPES:
            return cls(np.frombuffer(data, _TYPES[letter], offset=_HEADER.size))
        start = _HEADER.size + length
        text = data[_HEADER.size : start]
        array = np.frombuffer(data, _CODES[letter], offset=start)
        # Many texts take several times the memory as a list, and are seldom compared.
        return cls(array, json.loads(text)) if letter == b"c" else cls(array, text=text)

    def to_bytes(self) -> bytes:
        """Return the strip as it is stored."""
        values = self.values
        letter = next(key for key, kind in (_TYPES if values is None else _CODES).items() if kind == self.array.dtype)
        text = b"" if values is None else json.dumps(values, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)  # arrays are read faster where they lie at multiples of their size
        return _HEADER.pack(letter, len(text)) + text + self.array.tobytes()

    def to_list(self) -> List[Any]:
        """Return the values, None for none."""
        found: List[Any] = self.array.tolist()
        values = self.values
        if values is not None:
            return [values[code] for code in found]
        if self.array.dtype.kind == "f":
            return [None if value != value else value for value in found]
        return [None if value == NO_TIME else value for value in found]

    def compare(self, comparator: str, operand: Any) -> np.ndarray:
        """Tell which scenes have a value that compares so with an operand (a finite number, or a text)."""
        values = self.values
        if values is not None:
            compare = _COMPARE[comparator]
            hits = np.array([value is not None and compare(value, operand) for value in values], dtype=bool)
            return np.asarray(hits[self.array])
        none = np.isnan(self.array) if self.array.dtype.kind == "f" else self.array == NO_TIME
        comparator, operand = self._nearest(comparator, operand)
        if operand is None:
            found = np.full(len(self.array), comparator == "neq")
        else:
            found = np.asarray(_COMPARE[comparator](self.array, operand))
        found &= ~none
        return found

    def _nearest(self, comparator: str, operand: Any) -> Tuple[str, Any]:
        """Return a comparison with a number of the array's type that comes to the same; None where none is equal."""
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
        # Between the operand and what is nearest to it lies no value of the array.
        upwards = "gte" if nearest > operand else "gt"
        downwards = "lt" if nearest > operand else "lte"
        return (upwards if comparator in ("gt", "gte") else downwards), kind(nearest)


def _exact(values: Sequence[Any]) -> Optional[np.ndarray]:
    """Return numbers as an array, if one type holds each exactly and another stands for none."""
    whole = [value for value in values if type(value) is int]
    if all(-(2**53) <= value <= 2**53 for value in whole):
        return np.array([math.nan if value is None else value for value in values], dtype="<f8")
    if len(whole) + sum(value is None for value in values) == len(values) and all(
        NO_TIME < value < 2**63 for value in whole
    ):
        return np.array([NO_TIME if value is None else value for value in values], dtype="<i8")
    return None
