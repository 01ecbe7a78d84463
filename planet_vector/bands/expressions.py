"""Arithmetic on bands, such as ``(nir - red) / (nir + red)``: parsing, evaluation, and named spectral indices.

The grammar, in the notation of Python's reference; operators have Python's precedence::

    sum:     product (("+" | "-") product)*
    product: signed (("*" | "/") signed)*
    signed:  "-" signed | power
    power:   operand ["**" signed]
    operand: number | band | "(" sum ")"
    band:    a letter or "_", followed by letters, digits and "_", in ASCII
    number:  decimal digits, optionally with a fraction and an exponent

An expression is compiled to operations on a stack; no text is ever executed as Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, NamedTuple, Tuple, Union

from planet_vector.errors import ExpressionError

if TYPE_CHECKING:
    import numpy

    Raster = numpy.ndarray[Tuple[int, ...], numpy.dtype[numpy.generic]]
    Values = numpy.ndarray[Tuple[int, ...], numpy.dtype[numpy.float32]]

MOST_CHARACTERS = 1000
"""Maximum length of an expression; the longest published index takes less than a tenth."""

DEEPEST = 40
"""Maximum nesting of parentheses, signs and powers."""

_LARGEST = 3.4e38  # just below the largest float32

_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<band>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>\*\*|[-+*/()])""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str  # a group of _TOKEN, or "end"
    text: str
    column: int  # from 1


Step = Union[str, float, Tuple[str]]
"""Operation on the stack: push a band, push a number, or apply the operator in the tuple."""


@dataclass(frozen=True)
class Expression:
    """Parsed expression; see `parse_expression`.

    Attributes
    ----------
    text : str
        The expression as it was written; that of the index if it was one's name.
    bands : tuple of str
        The names of its bands, in order of first use.
    columns : mapping of str to int
        Where each band is first used in `text`, from 1.
    of_reflectance : bool
        Whether it is an index for reflectance from 0 to 1, as `SpectralIndex.of_reflectance`.
    """

    text: str
    bands: Tuple[str, ...]
    columns: Mapping[str, int] = field(repr=False)
    of_reflectance: bool
    _steps: Tuple[Step, ...] = field(repr=False)

    def evaluate(self, arrays: Mapping[str, Raster]) -> Values:
        """Return the values of the expression.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            The pixels of each band, of any numeric type and one shape. NaN, and what a masked array masks, is missing.

        Returns
        -------
        ndarray of float32
            In the shape of the bands. Computed in float32 throughout, so integers do not wrap. NaN where a band is
            missing, a divisor is zero, or the result or an intermediate one is not a finite real number.

        Raises
        ------
        ExpressionError
            If a band is not among the arrays.
        ValueError
            If the shapes differ.
        """
        import numpy

        pixels: Dict[str, Values] = {}
        for band in self.bands:
            if band not in arrays:
                raise self.lacking(band, arrays)
            pixels[band] = _as_float(arrays[band])
        if len({each.shape for each in pixels.values()}) > 1:
            shapes = ", ".join(f"{band} {each.shape}" for band, each in pixels.items())
            raise ValueError(f"The bands of {self.text!r} have different shapes: {shapes}.")
        stack: List[Values] = []
        with numpy.errstate(all="ignore"):
            for step in self._steps:
                if isinstance(step, str):
                    stack.append(pixels[step])
                elif isinstance(step, float):
                    stack.append(numpy.asarray(step, numpy.float32))
                elif step[0] == "negative":
                    stack.append(numpy.negative(stack.pop()))
                else:
                    right, left = stack.pop(), stack.pop()
                    stack.append(_OPERATORS[step[0]](left, right))
        values = numpy.array(stack.pop(), numpy.float32)  # a copy: the expression may be a band alone
        values[~numpy.isfinite(values)] = numpy.nan
        return values

    def lacking(self, band: str, available: Union[Mapping[str, object], List[str]]) -> ExpressionError:
        """Return the error for a band that is not available, with the column where it is used.

        Parameters
        ----------
        band : str
            One of `bands`.
        available : mapping or list of str
            The names of the available bands.

        Returns
        -------
        ExpressionError
            To be raised.
        """
        column = self.columns[band]
        names = ", ".join(sorted(available)) or "none"
        near = get_close_matches(band, INDICES, 1) if self.text == band else []
        hint = f"; did you mean the index {near[0]}?" if near else "."
        return ExpressionError(
            f"{self.text!r} uses a band {band!r} at column {column}; the bands are {names}{hint}", column
        )


class SpectralIndex(NamedTuple):
    """Named spectral index.

    Attributes
    ----------
    expression : str
        Its formula, in common names of bands (STAC's extension eo).
    of_reflectance : bool
        Whether it has constants that fit reflectance from 0 to 1 only. The value of any other is the same for
        every unit without an offset.
    source : str
        The publication that defines it.
    """

    expression: str
    of_reflectance: bool
    source: str


INDICES: Mapping[str, SpectralIndex] = {
    "ndvi": SpectralIndex("(nir - red) / (nir + red)", False, "Rouse et al. 1974, NASA SP-351, 309-317"),
    "gndvi": SpectralIndex(
        "(nir - green) / (nir + green)", False, "Gitelson et al. 1996, Remote Sensing of Environment 58, 289-298"
    ),
    "ndre": SpectralIndex(
        "(nir - rededge) / (nir + rededge)", False, "Barnes et al. 2000, 5th Int. Conf. on Precision Agriculture"
    ),
    "evi": SpectralIndex(
        "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)",
        True,
        "Huete et al. 2002, Remote Sensing of Environment 83, 195-213",
    ),
    "evi2": SpectralIndex(
        "2.5 * (nir - red) / (nir + 2.4 * red + 1)",
        True,
        "Jiang et al. 2008, Remote Sensing of Environment 112, 3833-3845",
    ),
    "savi": SpectralIndex(
        "1.5 * (nir - red) / (nir + red + 0.5)", True, "Huete 1988, Remote Sensing of Environment 25, 295-309"
    ),
    "msavi": SpectralIndex(
        "(2 * nir + 1 - ((2 * nir + 1) ** 2 - 8 * (nir - red)) ** 0.5) / 2",
        True,
        "Qi et al. 1994, Remote Sensing of Environment 48, 119-126",
    ),
    "ndwi": SpectralIndex(
        "(green - nir) / (green + nir)", False, "McFeeters 1996, International Journal of Remote Sensing 17, 1425-1432"
    ),
    "mndwi": SpectralIndex(
        "(green - swir16) / (green + swir16)", False, "Xu 2006, International Journal of Remote Sensing 27, 3025-3033"
    ),
    "ndmi": SpectralIndex(
        "(nir - swir16) / (nir + swir16)", False, "Wilson and Sader 2002, Remote Sensing of Environment 80, 385-396"
    ),
    "ndsi": SpectralIndex(
        "(green - swir16) / (green + swir16)",
        False,
        "Hall et al. 1995, Remote Sensing of Environment 54, 127-140",
    ),
    "ndbi": SpectralIndex(
        "(swir16 - nir) / (swir16 + nir)", False, "Zha et al. 2003, International Journal of Remote Sensing 24, 583-594"
    ),
    "nbr": SpectralIndex(
        "(nir - swir22) / (nir + swir22)", False, "Key and Benson 2006, USDA Forest Service RMRS-GTR-164-CD"
    ),
}
"""Spectral indices by name. ``ndwi`` is McFeeters' index of open water; Gao's, of leaf water, is ``ndmi``."""


def parse_expression(text: str) -> Expression:
    """Parse arithmetic on bands.

    Parameters
    ----------
    text : str
        Such as ``(nir - red) / (nir + red)``: numbers, names of bands, ``+ - * / **`` and parentheses, with Python's
        precedence. Or the name of an index of `INDICES`, in any case; a band of that name is written in parentheses.

    Returns
    -------
    Expression
        The parsed expression.

    Raises
    ------
    ExpressionError
        If it is not in the grammar, uses no band, is longer than `MOST_CHARACTERS` or nested deeper than `DEEPEST`. Its
        attribute `column` is the place of the fault.
    """
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(
            f"The expression {text[:40]!r}… has {len(text)} characters; the maximum is {MOST_CHARACTERS}.",
            MOST_CHARACTERS + 1,
        )
    index = INDICES.get(text.strip().lower())
    return _Parser(text).parse(False) if index is None else _Parser(index.expression).parse(index.of_reflectance)


class _Parser:
    """Recursive-descent parser that writes operations in postfix order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._next = 0
        self._depth = 0
        self._steps: List[Step] = []
        self._columns: Dict[str, int] = {}

    def parse(self, of_reflectance: bool) -> Expression:
        self._sum()
        rest = self._tokens[self._next]
        if rest.kind != "end":
            raise self._unexpected(rest)
        if not self._columns:
            raise ExpressionError(f"The expression {self._text!r} uses no band.", 1)
        return Expression(self._text, tuple(self._columns), self._columns, of_reflectance, tuple(self._steps))

    def _split(self) -> List[_Token]:
        tokens = []
        place = 0
        while True:
            while self._text[place : place + 1] in (" ", "\t", "\n", "\r"):
                place += 1
            if place == len(self._text):
                tokens.append(_Token("end", "", place + 1))
                return tokens
            found = _TOKEN.match(self._text, place)
            if found is None:
                raise self._fault(f"{self._text[place]!r} is no part of an expression", place + 1)
            tokens.append(_Token(found.lastgroup or "", found.group(), place + 1))
            place = found.end()

    def _sum(self) -> None:
        self._product()
        while self._at("+", "-"):
            operator = self._take().text
            self._product()
            self._steps.append((operator,))

    def _product(self) -> None:
        self._signed()
        while self._at("*", "/"):
            operator = self._take().text
            self._signed()
            self._steps.append((operator,))

    def _signed(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            column = self._tokens[self._next].column
            raise self._fault(f"it is nested deeper than {DEEPEST} levels", column)
        if self._at("-"):
            self._take()
            self._signed()
            self._steps.append(("negative",))
        else:
            self._operand()
            if self._at("**"):
                self._take()
                self._signed()
                self._steps.append(("**",))
        self._depth -= 1

    def _operand(self) -> None:
        token = self._take()
        if token.kind == "number":
            number = float(token.text)
            if number > _LARGEST:
                raise self._fault(f"{token.text[:20]} is beyond the range of float32", token.column)
            self._steps.append(number)
        elif token.kind == "band":
            self._columns.setdefault(token.text, token.column)
            self._steps.append(token.text)
        elif token.text == "(":
            self._sum()
            end = self._take()
            if end.text != ")":
                raise self._unexpected(end, f"the ')' of column {token.column}'s '(' is missing")
        else:
            raise self._unexpected(token)

    def _at(self, *signs: str) -> bool:
        token = self._tokens[self._next]
        return token.kind == "sign" and token.text in signs

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _unexpected(self, token: _Token, missing: str = "") -> ExpressionError:
        before = self._tokens[self._tokens.index(token) - 1] if token is not self._tokens[0] else None
        if token.kind == "end":
            reason = missing or ("it is empty" if before is None else f"nothing follows {before.text!r}")
        elif token.text == "(" and before is not None and before.kind == "band":
            return self._fault(f"there is no function {before.text!r}; use + - * / **", before.column)
        elif before is not None and token.kind != "sign":
            reason = f"an operator is missing before {token.text!r}"
        else:
            reason = f"{token.text!r} is not expected here"
        return self._fault(reason, token.column)

    def _fault(self, reason: str, column: int) -> ExpressionError:
        return ExpressionError(f"The expression {self._text!r} is wrong at column {column}: {reason}.", column)


def _as_float(array: Raster) -> Values:
    """Return pixels as float32, NaN where they are masked."""
    import numpy

    with numpy.errstate(over="ignore"):  # beyond its range they are infinite
        values: Values = numpy.array(array, numpy.float32)
    if isinstance(array, numpy.ma.MaskedArray):
        values[numpy.ma.getmaskarray(array)] = numpy.nan
    return values


def _divide(left: Values, right: Values) -> Values:
    import numpy

    # A number divided by what has overflown would be zero.
    return numpy.divide(left, numpy.where((right == 0) | numpy.isinf(right), numpy.float32("nan"), right))


def _power(left: Values, right: Values) -> Values:
    import numpy

    # numpy returns 1 for NaN ** 0 and 1 ** NaN, and infinity for 0 ** -1, which is a division by zero.
    lacks = ~numpy.isfinite(left) | ~numpy.isfinite(right) | ((left == 0) & (right < 0))
    values: Values = numpy.where(lacks, numpy.float32("nan"), numpy.power(left, right))
    return values


def _add(left: Values, right: Values) -> Values:
    return left + right


def _subtract(left: Values, right: Values) -> Values:
    return left - right


def _multiply(left: Values, right: Values) -> Values:
    return left * right


_OPERATORS: Mapping[str, Callable[[Values, Values], Values]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "**": _power,
}
