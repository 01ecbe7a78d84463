"""Regions of field values: supersets of a filter's selection, and their conditions for the service."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from planet_vector.collection_schema import SceneField
from planet_vector.conditions import Condition
from planet_vector.times import parse_time

_BLUR = timedelta(milliseconds=1)


class Span(NamedTuple):
    """A range of values; None is unbounded."""

    low: Any = None
    low_open: bool = False
    high: Any = None
    high_open: bool = False

    def meet(self, other: Span) -> Span:
        """Return the intersection with another span.

        Parameters
        ----------
        other : Span
            A span of the same field.
        """
        low = max((s for s in (self, other) if s.low is not None), key=lambda s: (s.low, s.low_open), default=self)
        high = min(
            (s for s in (self, other) if s.high is not None), key=lambda s: (s.high, not s.high_open), default=self
        )
        return Span(low.low, low.low_open, high.high, high.high_open)

    def hull(self, other: Span) -> Span:
        """Return the smallest span that contains this and another span.

        Parameters
        ----------
        other : Span
            A span of the same field.
        """
        low = min((self, other), key=lambda s: (s.low, s.low_open)) if None not in (self.low, other.low) else Span()
        high = (
            max((self, other), key=lambda s: (s.high, not s.high_open))
            if None not in (self.high, other.high)
            else Span()
        )
        return Span(low.low, low.low_open, high.high, high.high_open)

    @property
    def empty(self) -> bool:
        """Whether no value lies in the span."""
        if self.low is None or self.high is None:
            return False
        return bool(self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)))


Clause = FrozenSet[Tuple[str, Span]]
"""Fields with spans, of which one must contain the value of its field."""

_MOST_CLAUSES = 8  # of a region
_MOST_VARIANTS = 256  # spellings of a text with up to eight letters
_MOST_SPANS = 1000  # of a clause; as many values as GDAL's programs list


@dataclass
class Region:
    """Superset of the scenes that an expression selects.

    Attributes
    ----------
    spans : dict of str to Span
        By field, the range of its values.
    ids : frozenset of str, optional
        The only ids, case-folded; None for any.
    clauses : frozenset of frozenset of (str, Span)
        Of each, a scene must lie within one span of a field at least.
    exact : bool
        Whether the expression selects the whole region.
    nothing : bool
        Whether the region is empty.
    """

    spans: Dict[str, Span] = field(default_factory=dict)
    ids: Optional[FrozenSet[str]] = None
    exact: bool = False
    nothing: bool = False
    clauses: FrozenSet[Clause] = frozenset()

    def both(self, other: Region) -> Region:
        """Return the region of a conjunction.

        Parameters
        ----------
        other : Region
            The region of the other operand.
        """
        if self.nothing or other.nothing:
            return NOTHING
        spans = dict(self.spans)
        for name, span in other.spans.items():
            spans[name] = spans[name].meet(span) if name in spans else span
        if self.ids is None or other.ids is None:
            ids = self.ids if other.ids is None else other.ids
        else:
            ids = self.ids & other.ids
        if any(span.empty for span in spans.values()) or (ids is not None and not ids):
            return NOTHING
        return Region(spans, ids, self.exact and other.exact, clauses=self.clauses | other.clauses)

    def either(self, other: Region) -> Region:
        """Return the region of a disjunction.

        Parameters
        ----------
        other : Region
            The region of the other operand.
        """
        # Never exact: in some versions of OGR, a null operand makes the disjunction false.
        if self.nothing or other.nothing:
            return replace(other if self.nothing else self, exact=False)
        spans = {name: span.hull(other.spans[name]) for name, span in self.spans.items() if name in other.spans}
        ids = self.ids | other.ids if self.ids is not None and other.ids is not None else None
        mine, theirs = self._units(), other._units()
        clauses = frozenset(a | b for a in mine for b in theirs) if len(mine) * len(theirs) <= _MOST_CLAUSES else ()
        kept = frozenset(clause for clause in clauses if len(clause) <= _MOST_SPANS)
        return Region({n: s for n, s in spans.items() if s != Span()}, ids, clauses=kept)

    def _units(self) -> List[Clause]:
        """Return clauses that every scene of the region meets: its own, and one for each span that they lack."""
        fields = [{name for name, _ in clause} for clause in self.clauses]
        covered = {name for names in fields if len(names) == 1 for name in names}
        return [*self.clauses, *(frozenset({pair}) for pair in self.spans.items() if pair[0] not in covered)]


ALL = Region()
NOTHING = Region(nothing=True)


def region_of(fields: Mapping[str, SceneField], name: str, operator: str, value: Union[str, float]) -> Region:
    """Return a region that contains the selection of a comparison of a column with a literal.

    Parameters
    ----------
    fields : mapping of str to SceneField
        The fields that the service can select by.
    name : str
        The column.
    operator : str
        ``=``, ``<>``, ``<``, ``<=``, ``>`` or ``>=``.
    value : str or float
        The literal.
    """
    if name == "id":
        if operator == "=" and isinstance(value, str):
            return Region(ids=frozenset({value.casefold()}))
        return ALL
    known = fields.get(name)
    if known is None or operator == "<>" or known.kind in ("json", "list"):
        return ALL
    if known.kind == "time":
        return _time(known, operator, value)
    if known.words:
        words = [word.lower() for word in known.words]
        if operator != "=" or not isinstance(value, str) or value.lower() not in words:
            return ALL
        return Region({name: Span(words.index(value.lower()))})
    if known.kind == "string":
        if operator != "=" or not isinstance(value, str) or not value or value.lower() != value.upper():
            return ALL
        # At the service a number equals its text; in a column of texts it is null.
        return Region({name: Span(value, False, value, False)}, exact=not _is_number(value))
    if not isinstance(value, float) or not math.isfinite(value):
        return ALL
    # A column rounds fractions to whole numbers, and numbers beyond 2⁵³; the service does not.
    exact = known.kind == "number" and abs(value) < 2**53 and (operator != "=" or value.is_integer())
    return Region({name: _span(operator, value, value)}, exact=exact)


def spelled_region(known: SceneField, text: str) -> Region:
    """Return the region of a text of ASCII letters in any case, as OGR compares texts; all scenes if there are many.

    Parameters
    ----------
    known : SceneField
        The field, of the kind ``string``.
    text : str
        The text.
    """
    variants = [""]
    for char in text:
        cases = sorted({char.lower(), char.upper()})
        if len(variants) * len(cases) > _MOST_VARIANTS or not char.isascii():
            return ALL
        variants = [variant + case for variant in variants for case in cases]
    return Region(clauses=frozenset({frozenset((known.name, Span(each, False, each, False)) for each in variants)}))


def _is_number(text: str) -> bool:
    """Return whether a text is a number in JSON."""
    try:
        return isinstance(json.loads(text), (int, float))
    except (ValueError, RecursionError):
        return False


def _time(known: SceneField, operator: str, value: Union[str, float]) -> Region:
    moments = _moments(value) if isinstance(value, str) else []
    if not moments:
        return ALL
    try:
        return Region({known.name: _span(operator, min(moments) - _BLUR, max(moments) + _BLUR)})
    except OverflowError:
        return ALL


def _span(operator: str, low: Any, high: Any) -> Span:
    """Return the span of a comparison with a value between `low` and `high`."""
    blurred = low != high
    return {
        "=": Span(low, False, high, False),
        "<": Span(high=high, high_open=not blurred),
        "<=": Span(high=high),
        ">": Span(low, not blurred),
        ">=": Span(low),
    }[operator]


def _moments(text: str) -> Sequence[datetime]:
    """Return the instants that a literal may mean: with its zone, and without."""
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


def conditions_of(known: SceneField, span: Span) -> Tuple[List[Condition], bool]:
    """Convert a span to conditions with comparators of the service.

    Parameters
    ----------
    known : SceneField
        The field.
    span : Span
        The range of its values.

    Returns
    -------
    (list of Condition, bool)
        The conditions, and whether they select exactly the span.
    """
    low, high, exact = span.low, span.high, True
    if known.words:
        return ([Condition(known, "gte", known.words[low])] if low and "gte" in known.comparators else []), False
    if known.integers_only:
        rounded = (None if low is None else math.floor(low), None if high is None else math.ceil(high))
        exact = rounded == (low, high)
        low, high = rounded
        if not exact:
            span = Span(low, False, high, False)
    if low is not None and low == high and "eq" in known.comparators and not isinstance(low, datetime):
        return [Condition(known, "eq", low)], exact
    if known.kind == "string":  # how a service orders texts is not known
        return [], False
    found = []
    for value, comparator, is_open in ((low, "gt", span.low_open), (high, "lt", span.high_open)):
        # A service may have only the comparator that includes the end: its result is larger, never smaller.
        wanted = comparator if is_open and comparator in known.comparators else f"{comparator}e"
        if value is not None:
            exact = exact and is_open == (wanted == comparator) and wanted in known.comparators
            found += [Condition(known, wanted, value)] if wanted in known.comparators else []
    return found, exact
