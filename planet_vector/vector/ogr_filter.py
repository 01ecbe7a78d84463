"""OGR SQL WHERE texts, narrowed to what the service can filter.

A WHERE is read into the smallest region of field values that surely holds every scene it selects. The service
is asked for that region; GDAL, which evaluates the text itself, makes it exact. What is not understood narrows
nothing: it costs time, never truth. So the rules below are about what OGR does, not about what it should do:

* ``=`` on text ignores case in OGR, so text is narrowed only where it has none.
* Seconds are 32-bit floats in OGR and zones are ignored by some versions, so a time is narrowed to a
  millisecond around every instant it may stand for.
* ``NOT`` lets nulls through in some versions, two of them too, so what is under one is narrowed only on fields that
  are never null.
* ``<`` on image quality is alphabetical in OGR and ordered by quality at the service, so only ``=`` is narrowed.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple, Union

from planet_vector.query import FIELDS, QUALITIES, Condition, Field
from planet_vector.times import parse_time

_BLUR = timedelta(milliseconds=1)

_NEVER_NULL = frozenset({"acquired", "id"})
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "<>", "<>": "="}

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | '(?P<text>(?:[^']|'')*)'
    | (?P<name>(?:"(?:[^"\\]|""|\\.)*"|[A-Za-z_][\w]*)(?:\.(?:"(?:[^"\\]|""|\\.)*"|[A-Za-z_][\w]*))*)
    | (?P<symbol><=|>=|<>|!=|==|[<>=(),+\-*/%])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Narrowing:
    """Hold what is asked of the service for a WHERE.

    Attributes
    ----------
    conditions : tuple of Condition
        All hold for every scene that the WHERE selects.
    ids : frozenset of str, optional
        The ids of the only scenes it can select, as `str.casefold` has them: OGR ignores their case.
    exact : bool
        Whether it selects every scene that the conditions let through.
    nothing : bool
        Whether it can select none.
    """

    conditions: Tuple[Condition, ...] = ()
    ids: Optional[FrozenSet[str]] = None
    exact: bool = False
    nothing: bool = False


def narrow(where: Optional[str]) -> Narrowing:
    """Read a WHERE text.

    Parameters
    ----------
    where : str, optional
        As OGR, its SQL dialects and QGIS write it. A literal time without a zone is UTC.
    """
    if not where or not where.strip():
        return Narrowing(exact=True)
    try:
        region = _Parser(where).parse()
    except (_Unknown, RecursionError):
        return Narrowing()
    if region.nothing:
        return Narrowing(nothing=True)
    conditions: List[Condition] = []
    exact = region.exact
    for name, span in region.spans.items():
        pushed, as_is = _conditions(FIELDS[name], span)
        conditions += pushed
        exact = exact and as_is
    return Narrowing(tuple(conditions), region.ids, exact and region.ids is None)


class _Unknown(Exception):
    """Say that a WHERE is beyond this parser."""


class _Span(NamedTuple):
    """Hold a range of values; None is without end."""

    low: Any = None
    low_open: bool = False
    high: Any = None
    high_open: bool = False

    def meet(self, other: _Span) -> _Span:
        low = max((s for s in (self, other) if s.low is not None), key=lambda s: (s.low, s.low_open), default=self)
        high = min(
            (s for s in (self, other) if s.high is not None), key=lambda s: (s.high, not s.high_open), default=self
        )
        return _Span(low.low, low.low_open, high.high, high.high_open)

    def hull(self, other: _Span) -> _Span:
        low = min((self, other), key=lambda s: (s.low, s.low_open)) if None not in (self.low, other.low) else _Span()
        high = (
            max((self, other), key=lambda s: (s.high, not s.high_open))
            if None not in (self.high, other.high)
            else _Span()
        )
        return _Span(low.low, low.low_open, high.high, high.high_open)

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return bool(self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)))


@dataclass
class _Region:
    """Hold a superset of what an expression selects."""

    spans: Dict[str, _Span] = field(default_factory=dict)
    ids: Optional[FrozenSet[str]] = None
    exact: bool = False
    nothing: bool = False

    def both(self, other: _Region) -> _Region:
        if self.nothing or other.nothing:
            return _NOTHING
        spans = dict(self.spans)
        for name, span in other.spans.items():
            spans[name] = spans[name].meet(span) if name in spans else span
        if self.ids is None or other.ids is None:
            ids = self.ids if other.ids is None else other.ids
        else:
            ids = self.ids & other.ids
        if any(span.empty for span in spans.values()) or (ids is not None and not ids):
            return _NOTHING
        return _Region(spans, ids, self.exact and other.exact)

    def either(self, other: _Region) -> _Region:
        # Never exact: in some versions a null on one side spoils what is true on the other.
        if self.nothing or other.nothing:
            return replace(other if self.nothing else self, exact=False)
        spans = {name: span.hull(other.spans[name]) for name, span in self.spans.items() if name in other.spans}
        ids = self.ids | other.ids if self.ids is not None and other.ids is not None else None
        return _Region({n: s for n, s in spans.items() if s != _Span()}, ids)


_ALL = _Region()
_NOTHING = _Region(nothing=True)


class _Column(NamedTuple):
    name: str


_Operand = Union[_Column, str, float, None]


class _Parser:
    """Read a WHERE by recursive descent, negations carried down to the comparisons."""

    def __init__(self, text: str) -> None:
        self._tokens: List[Tuple[str, str]] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise _Unknown
            kind = str(match.lastgroup)
            self._tokens.append((kind, match.group(kind)))
            position = match.end()
        self._next = 0
        self._nots = 0

    def parse(self) -> _Region:
        region = self._or(False)
        if self._next != len(self._tokens):
            raise _Unknown
        return region

    def _or(self, negated: bool) -> _Region:
        region = self._and(negated)
        while self._word("OR"):
            other = self._and(negated)
            region = region.both(other) if negated else region.either(other)
        return region

    def _and(self, negated: bool) -> _Region:
        region = self._not(negated)
        while self._word("AND"):
            other = self._not(negated)
            region = region.either(other) if negated else region.both(other)
        return region

    def _not(self, negated: bool) -> _Region:
        if self._word("NOT"):
            self._nots += 1
            try:
                return replace(self._not(not negated), exact=False)
            finally:
                self._nots -= 1
        if self._peek() == ("symbol", "("):
            # A parenthesis opens an expression or an operand: try the one, then the other.
            start = self._next
            self._next += 1
            try:
                region = self._or(negated)
                if self._symbol(")") and not self._continues():
                    return region
            except _Unknown:
                pass  # it was an operand
            self._next = start
        return self._predicate(negated)

    def _continues(self) -> bool:
        kind, text = self._peek()
        return (kind == "symbol" and text not in (")", ",")) or (
            kind == "name" and text.upper() in ("IS", "IN", "LIKE", "ILIKE", "BETWEEN")
        )

    def _predicate(self, negated: bool) -> _Region:
        left = self._operand()
        if self._word("IS"):
            is_not = self._word("NOT")
            self._demand(self._word("NULL"))
            never = isinstance(left, _Column) and left.name in _NEVER_NULL
            return _NOTHING if never and is_not == negated else _ALL
        if self._word("NOT"):
            negated = not negated
        if self._word("BETWEEN"):
            low = self._operand()
            self._demand(self._word("AND"))
            high = self._operand()
            above, below = self._compare(left, ">=", low, negated), self._compare(left, "<=", high, negated)
            return above.either(below) if negated else above.both(below)
        if self._word("IN"):
            self._demand(self._symbol("("))
            values = [self._operand()]
            while self._symbol(","):
                values.append(self._operand())
            self._demand(self._symbol(")"))
            regions = [self._compare(left, "=", value, negated) for value in values]
            region = regions[0]
            for other in regions[1:]:
                region = region.both(other) if negated else region.either(other)
            return region
        if self._word("LIKE") or self._word("ILIKE"):
            self._operand()
            if self._word("ESCAPE"):
                self._operand()
            return _ALL
        kind, operator = self._take()
        operator = {"!=": "<>", "==": "="}.get(operator, operator)
        self._demand(kind == "symbol" and operator in _FLIPPED)
        return self._compare(left, operator, self._operand(), negated)

    def _compare(self, left: _Operand, operator: str, right: _Operand, negated: bool) -> _Region:
        if isinstance(right, _Column) and not isinstance(left, _Column):
            left, right, operator = right, left, _FLIPPED[operator]
        if not isinstance(left, _Column) or isinstance(right, _Column) or right is None:
            return _ALL
        if (negated or self._nots) and left.name not in _NEVER_NULL:
            return _ALL
        if negated:
            operator = _OPPOSITE[operator]
        return _leaf(left.name, operator, right)

    def _operand(self) -> _Operand:
        """Read a column, a literal, a cast of a literal, any of them in parentheses."""
        kind, text = self._take()
        if kind == "text":
            return text.replace("''", "'")
        if kind == "number":
            return float(text)
        if kind == "symbol" and text in "+-":
            value = self._operand()
            self._demand(isinstance(value, float))
            assert isinstance(value, float)
            return -value if text == "-" else value
        if kind == "symbol" and text == "(":
            inner = self._operand()
            self._demand(self._symbol(")"))
            return inner
        self._demand(kind == "name")
        upper = text.upper()
        if upper == "CAST" and self._symbol("("):
            inner = self._operand()
            self._demand(self._word("AS"))
            target = self._take()[1].upper()
            if self._symbol("("):  # the width of a type
                while not self._symbol(")"):
                    self._take()
            self._demand(self._symbol(")"))
            # A cast of a column changes what is compared; one of a literal to a time only says what it is.
            self._demand(isinstance(inner, str) and target in ("DATE", "DATETIME", "TIMESTAMP"))
            return inner
        if upper in ("DATE", "TIMESTAMP", "DATETIME") and self._peek()[0] == "text":
            return self._operand()
        if upper == "NULL":
            return None
        self._demand(self._peek() != ("symbol", "("))  # a function
        self._demand(upper not in ("AND", "OR", "NOT", "IN", "IS", "LIKE", "BETWEEN", "CASE", "SELECT"))
        parts = re.findall(r'"((?:[^"\\]|""|\\.)*)"|([^."]+)', text)
        name = ".".join(quoted or bare for quoted, bare in parts).lower()
        return _Column(name)

    def _peek(self) -> Tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _take(self) -> Tuple[str, str]:
        token = self._peek()
        self._demand(token[0] != "end")
        self._next += 1
        return token

    def _word(self, word: str) -> bool:
        return self._accept("name", word)

    def _symbol(self, symbol: str) -> bool:
        return self._accept("symbol", symbol)

    def _accept(self, kind: str, text: str) -> bool:
        found = self._peek()
        if found[0] == kind and found[1].upper() == text:
            self._next += 1
            return True
        return False

    def _demand(self, condition: bool) -> None:
        if not condition:
            raise _Unknown


def _leaf(name: str, operator: str, value: Union[str, float]) -> _Region:
    """Return the region of one comparison of a column with a literal."""
    if name == "id":
        if operator == "=" and isinstance(value, str):
            return _Region(ids=frozenset({value.casefold()}))
        return _ALL
    known = FIELDS.get(name)
    if known is None or operator == "<>":
        return _ALL
    if known.kind == "time":
        return _time(known, operator, value)
    if known.kind == "quality":
        if operator != "=" or not isinstance(value, str) or value.lower() not in QUALITIES:
            return _ALL
        return _Region({name: _Span(QUALITIES.index(value.lower()))})
    if known.kind == "string":
        if operator != "=" or not isinstance(value, str) or not value or value.lower() != value.upper():
            return _ALL
        # A number in place of a text equals its text at the service, and is no text in a column.
        return _Region({name: _Span(value, False, value, False)}, exact=not _is_number(value))
    if not isinstance(value, float) or not math.isfinite(value):
        return _ALL
    # A fraction in a column of whole numbers, and the last digits of a number past 2⁵³, are the service's alone.
    exact = known.kind == "number" and abs(value) < 2**53 and (operator != "=" or value.is_integer())
    return _Region({name: _span(operator, value, value)}, exact=exact)


def _is_number(text: str) -> bool:
    """Tell whether JSON writes a number so."""
    try:
        return isinstance(json.loads(text), (int, float))
    except (ValueError, RecursionError):
        return False


def _time(known: Field, operator: str, value: Union[str, float]) -> _Region:
    moments = _moments(value) if isinstance(value, str) else []
    if not moments:
        return _ALL
    try:
        return _Region({known.name: _span(operator, min(moments) - _BLUR, max(moments) + _BLUR)})
    except OverflowError:
        return _ALL


def _span(operator: str, low: Any, high: Any) -> _Span:
    """Return the span of a comparison with a value that lies from `low` to `high`."""
    blurred = low != high
    return {
        "=": _Span(low, False, high, False),
        "<": _Span(high=high, high_open=not blurred),
        "<=": _Span(high=high),
        ">": _Span(low, not blurred),
        ">=": _Span(low),
    }[operator]


def _moments(text: str) -> Sequence[datetime]:
    """Return the instants a literal may stand for: as it is written, and without its zone."""
    match = re.fullmatch(
        r"\s*(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?))?\s*(\S*)\s*", text
    )
    if match is None:
        return []
    year, month, day, clock, zone = match.groups()
    clock = clock or "00:00:00"
    local = f"{year}-{month:0>2}-{day:0>2}T{clock if clock[1] != ':' else '0' + clock}"
    try:
        return [parse_time(local + zone), parse_time(local)]
    except ValueError:
        return []


def _conditions(known: Field, span: _Span) -> Tuple[List[Condition], bool]:
    """Return a span in the comparators the service takes, and whether they say the same."""
    low, high, exact = span.low, span.high, True
    if known.kind == "quality":
        return ([Condition(known, "gte", QUALITIES[low])] if low else []), False
    if known.integers_only:
        rounded = (None if low is None else math.floor(low), None if high is None else math.ceil(high))
        exact = rounded == (low, high)
        low, high = rounded
        if not exact:
            span = _Span(low, False, high, False)
    if low is not None and low == high and "eq" in known.comparators and not isinstance(low, datetime):
        return [Condition(known, "eq", low)], exact
    found = []
    if low is not None:
        found.append(Condition(known, "gt" if span.low_open else "gte", low))
    if high is not None:
        found.append(Condition(known, "lt" if span.high_open else "lte", high))
    pushed = [condition for condition in found if condition.comparator in known.comparators]
    return pushed, exact and pushed == found
