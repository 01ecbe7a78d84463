"""OGR SQL WHERE clauses, narrowed to what the service can filter.

A WHERE clause is parsed into a small region of field values that contains every scene it selects. The service is asked
for that region; GDAL evaluates the clause itself and makes the result exact. An expression that is not understood
narrows nothing: it costs time, never correctness. The rules follow what OGR does, not what it should do:

* ``=`` on text ignores case in OGR, so only text without letters is narrowed, or, if the service can select by
  alternatives, short text in all its spellings.
* Seconds are 32-bit floats in OGR and some versions ignore zones, so a time is narrowed to a millisecond around every
  instant it may mean.
* ``NOT``, also a double one, lets nulls through in some versions, so operands of ``NOT`` are narrowed only on fields
  that are never null.
* ``<`` on ordered words, such as image quality, is alphabetical in OGR, so only ``=`` is narrowed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import FrozenSet, Iterable, List, NamedTuple, Optional, Tuple, Union

from planet_vector.collection_schema import CollectionSchema
from planet_vector.conditions import Alternatives, Condition
from planet_vector.vector.filter_regions import (
    ALL,
    NOTHING,
    Clause,
    Region,
    conditions_of,
    region_of,
    spelled_region,
)
from planet_vector.vector.schema import LOCATION, OTHER

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
class NarrowedFilter:
    """Conditions for the service that stand for a WHERE clause.

    Attributes
    ----------
    conditions : tuple of Condition
        Every scene that the clause selects meets all of them.
    ids : frozenset of str, optional
        The ids of the only scenes that it can select, case-folded (`str.casefold`): OGR ignores their case.
    exact : bool
        Whether it selects every scene that meets the conditions.
    nothing : bool
        Whether it cannot select any scene.
    alternatives : tuple of Alternatives
        Of each, every scene that the clause selects meets at least one group.
    """

    conditions: Tuple[Condition, ...] = ()
    ids: Optional[FrozenSet[str]] = None
    exact: bool = False
    nothing: bool = False
    alternatives: Tuple[Alternatives, ...] = ()


def narrow(where: Optional[str], schema: CollectionSchema) -> NarrowedFilter:
    """Narrow a WHERE clause to conditions of the service.

    Parameters
    ----------
    where : str, optional
        The clause, as OGR, its SQL dialects and QGIS write it. A literal time without a zone is UTC.
    schema : CollectionSchema
        The fields that the service can select by.

    Returns
    -------
    NarrowedFilter
        Without conditions, and not exact, if the clause is not understood.
    """
    if not where or not where.strip():
        return NarrowedFilter(exact=True)
    try:
        region = _WhereParser(where, schema).parse()
    except (_Unknown, RecursionError):
        return NarrowedFilter()
    if region.nothing:
        return NarrowedFilter(nothing=True)
    conditions: List[Condition] = []
    exact = region.exact
    for name, span in region.spans.items():
        pushed, as_is = conditions_of(schema.fields[name], span)
        conditions += pushed
        exact = exact and as_is
    alternatives = _alternatives_of(schema, region.clauses) if schema.alternatives else ()
    exact = exact and region.ids is None and not region.clauses
    return NarrowedFilter(tuple(conditions), region.ids, exact, alternatives=alternatives)


def _alternatives_of(schema: CollectionSchema, clauses: Iterable[Clause]) -> Tuple[Alternatives, ...]:
    found = []
    for clause in clauses:
        groups = [tuple(conditions_of(schema.fields[name], span)[0]) for name, span in clause]
        if all(groups):  # without conditions, a group selects all
            found.append(tuple(sorted(groups, key=lambda group: [condition.parameter for condition in group])))
    return tuple(found)


class _Unknown(Exception):
    """Raised if this parser does not understand a WHERE clause."""


class _Column(NamedTuple):
    name: str


_Operand = Union[_Column, str, float, None]


class _WhereParser:
    """Recursive descent parser of a WHERE clause; negations are pushed down to the comparisons."""

    def __init__(self, text: str, schema: CollectionSchema) -> None:
        self._fields = schema.fields
        self._alternatives = schema.alternatives
        self._never_null = ("id", schema.meanings.time)
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

    def parse(self) -> Region:
        region = self._or(False)
        if self._next != len(self._tokens):
            raise _Unknown
        return region

    def _or(self, negated: bool) -> Region:
        region = self._and(negated)
        while self._word("OR"):
            other = self._and(negated)
            region = region.both(other) if negated else region.either(other)
        return region

    def _and(self, negated: bool) -> Region:
        region = self._not(negated)
        while self._word("AND"):
            other = self._not(negated)
            region = region.either(other) if negated else region.both(other)
        return region

    def _not(self, negated: bool) -> Region:
        if self._word("NOT"):
            self._nots += 1
            try:
                return replace(self._not(not negated), exact=False)
            finally:
                self._nots -= 1
        if self._peek() == ("symbol", "("):
            # A parenthesis opens an expression or an operand: try both in this order.
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

    def _predicate(self, negated: bool) -> Region:
        left = self._operand()
        if self._word("IS"):
            is_not = self._word("NOT")
            self._demand(self._word("NULL"))
            never = isinstance(left, _Column) and left.name in self._never_null
            return NOTHING if never and is_not == negated else ALL
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
            return ALL
        kind, operator = self._take()
        operator = {"!=": "<>", "==": "="}.get(operator, operator)
        self._demand(kind == "symbol" and operator in _FLIPPED)
        return self._compare(left, operator, self._operand(), negated)

    def _compare(self, left: _Operand, operator: str, right: _Operand, negated: bool) -> Region:
        if isinstance(right, _Column) and not isinstance(left, _Column):
            left, right, operator = right, left, _FLIPPED[operator]
        if not isinstance(left, _Column) or isinstance(right, _Column) or right is None:
            return ALL
        if left.name in (LOCATION, OTHER):  # made here, whatever the service calls so
            return ALL
        if (negated or self._nots) and left.name not in self._never_null:
            return ALL
        if negated:
            operator = _OPPOSITE[operator]
        region = region_of(self._fields, left.name, operator, right)
        known = self._fields.get(left.name)
        if region == ALL and self._alternatives and known is not None and known.kind == "string" and operator == "=":
            return spelled_region(known, right) if isinstance(right, str) and right else ALL
        return region

    def _operand(self) -> _Operand:
        """Parse a column, a literal or a cast of a literal, any of them in parentheses."""
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
            # A cast of a column changes the comparison; a cast of a literal to a time only states its type.
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
