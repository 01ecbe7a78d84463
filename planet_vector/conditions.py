"""Conditions on the fields of a collection: comparisons, and spans of time."""

from __future__ import annotations

import difflib
import json
import operator
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, List, Mapping, Tuple, Union

from planet_vector.collection_schema import COMPARATORS, SceneField
from planet_vector.comparisons import sign_advice, signed_value_advice
from planet_vector.decimals import BLANK, parse_number
from planet_vector.errors import QueryError
from planet_vector.json_faults import json_fault
from planet_vector.times import INSTANT, TimeSpan, format_time, is_period, is_span, parse_span, parse_time, period_of

Value = Union[str, int, float, datetime]

_UNORDERED = ("string", "json", "list")
"""Kinds of fields whose order is not known: that of texts depends on the service."""


@dataclass(frozen=True)
class Condition:
    """Comparison of a field with a value.

    Attributes
    ----------
    field : SceneField
        The field.
    comparator : str
        One of `COMPARATORS`.
    value : str, int, float or datetime
        Of the type that the field's kind implies.
    """

    field: SceneField
    comparator: str
    value: Value

    @classmethod
    def parse(cls, fields: Mapping[str, SceneField], name: str, text: str) -> Condition:
        """Parse a parameter such as ``cloud_cover.estimated.lte`` = ``5``; the bare field name means equality.

        Parameters
        ----------
        fields : mapping of str to SceneField
            The searchable fields.
        name, text : str
            Name and value of the parameter.

        Returns
        -------
        Condition
            The condition.

        Raises
        ------
        QueryError
            If there is no such field, it does not support the comparator, or the value is not of its kind.
        """
        known = fields.get(name)
        comparator = "eq"
        if known is None:
            stem, _, comparator = name.rpartition(".")
            known = fields.get(stem)
        if known is None or comparator not in COMPARATORS:
            if advice := sign_advice(name, text or None):
                raise QueryError(advice)
            others = {other: field.name for field in fields.values() for other in field.synonyms}
            meant = others.get(stem, others.get(name, known.name if known else name))
            near = difflib.get_close_matches(meant, fields, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see 'planet-vector search --help' for the fields"
            raise QueryError(
                f"{name!r} is not a search parameter; {hint} (comparators: {', '.join('.' + c for c in COMPARATORS)})"
            )
        if comparator not in known.comparators:
            if comparator != "eq":
                raise QueryError(f"{known.name} takes {_taken(known)}, not .{comparator}.")
            order = f": it is ordered {' < '.join(known.words)}" if known.words else ""
            raise QueryError(f"{known.name} takes {_taken(known)} only{order}.")
        return cls(known, comparator, _parse_value(known, text))

    @property
    def parameter(self) -> Tuple[str, str]:
        """The condition as a parameter of the API."""
        name = self.field.name if self.comparator == "eq" else f"{self.field.name}.{self.comparator}"
        return name, self.text

    @property
    def text(self) -> str:
        """The value in the service's format, without loss of digits."""
        if isinstance(self.value, datetime):
            return format_time(self.value)
        if isinstance(self.value, float) and self.value.is_integer() and abs(self.value) < 2**53:
            return str(int(self.value))
        return str(self.value)

    @property
    def rank(self) -> Value:
        """The value in a form that sorts in the service's order."""
        return self.field.words.index(str(self.value)) if self.field.words else self.value

    def implies(self, other: Condition) -> bool:
        """Return whether every scene that meets this condition meets the other; False if unknown.

        Parameters
        ----------
        other : Condition
            The other condition.
        """
        if self == other:
            return True
        if self.field.name != other.field.name or "neq" in (self.comparator, other.comparator):
            return False
        if self.field.kind in _UNORDERED:
            return False
        if self.comparator == "eq":
            return other.holds(self.rank)
        if self.comparator[:2] != other.comparator[:2]:
            return False
        # gt 5 implies gte 5 and gt 4; gte 5 implies gt 4 but not gt 5.
        if other.comparator in ("gt", "lt") and self.comparator in ("gte", "lte"):
            return other.holds(self.rank)
        return other.holds(self.rank) or self.rank == other.rank

    def holds(self, rank: Value) -> bool:
        """Return whether a value meets the condition.

        Parameters
        ----------
        rank : str, int, float or datetime
            The value; for a field with words, the index of the word.
        """
        mine: Any = self.rank
        theirs: Any = rank
        return bool(_COMPARE[self.comparator](theirs, mine))


Alternatives = Tuple[Tuple[Condition, ...], ...]
"""Groups of conditions; a scene meets the alternatives if it meets all conditions of one group."""


def before(field: SceneField, moment: datetime) -> Condition:
    """Return the condition that a time lies before a moment, by a comparator that the service supports.

    Parameters
    ----------
    field : SceneField
        The field of the time.
    moment : datetime
        The moment.
    """
    if "lt" in field.comparators:
        return Condition(field, "lt", moment)
    return Condition(field, "lte", moment - INSTANT)


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def span_conditions(field: SceneField, span: TimeSpan) -> List[Condition]:
    """Return the conditions that a time lies in a span.

    Parameters
    ----------
    field : SceneField
        The field of the time.
    span : TimeSpan
        The span.
    """
    found = [] if span.low is None else [Condition(field, "gte", span.low)]
    if span.high is not None:
        found.append(before(field, span.high) if span.whole else Condition(field, "lte", span.high))
    return found


def parse_conditions(fields: Mapping[str, SceneField], name: str, text: str) -> List[Condition]:
    """Parse a parameter; spans of time, months and years are taken for any time.

    A date stands for its whole day in a span, and in all comparisons of a field that takes spans.

    Parameters
    ----------
    fields : mapping of str to SceneField
        The fields of the collection.
    name, text : str
        Name of the parameter, such as ``acquired.gte``, and its value.

    Returns
    -------
    list of Condition
        One, or those of a span.

    Raises
    ------
    QueryError
        If the field does not exist, or does not take the value.
    """
    stem, _, comparator = name.rpartition(".")
    known = fields.get(name, fields.get(stem))
    if known is None or known.kind != "time":
        return [Condition.parse(fields, name, text)]
    text = text.strip(BLANK)
    whole = is_period(text) or (known.spans and bool(_DATE.fullmatch(text)))
    try:
        if name == known.name and (whole or is_span(text)):
            return span_conditions(known, parse_span(text))
        if whole and comparator in ("gte", "lt", "lte", "gt"):
            first, after = period_of(text)
            if comparator in ("gte", "lt"):
                return [Condition(known, "gte", first) if comparator == "gte" else before(known, first)]
            assert after is not None
            return [before(known, after) if comparator == "lte" else Condition(known, "gte", after)]
    except ValueError as error:
        raise QueryError(f"{known.name}: {error}.") from None
    return [Condition.parse(fields, name, text)]


def _taken(known: SceneField) -> str:
    return ", ".join("." + c for c in COMPARATORS if c in known.comparators)


def _parse_value(known: SceneField, text: str) -> Value:
    text = text.strip(BLANK)
    if known.kind not in _UNORDERED and (advice := signed_value_advice(known.name, text)):
        raise QueryError(advice)
    if known.kind == "time":
        try:
            return parse_time(text)
        except ValueError as error:
            raise QueryError(f"{known.name}: {error}.") from None
    if known.words:
        if text not in known.words:
            raise QueryError(f"{known.name} is {text!r}: it takes {', '.join(known.words)}.")
        return text
    if known.kind == "json":
        return _checked_json(known.name, text)
    if known.kind == "list":
        text = ",".join(filter(None, (part.strip() for part in text.split(","))))
    if known.kind in ("string", "list"):
        if not text:
            raise QueryError(f"{known.name} has no value.")
        return text
    try:
        number = parse_number(text)
    except ValueError:
        raise QueryError(f"{known.name} is {text!r}: it takes a number.") from None
    if known.integers_only and not number.is_integer():
        raise QueryError(f"{known.name} is {text!r}: the service takes whole numbers there.")
    return int(number) if known.integers_only else number


def _checked_json(name: str, text: str) -> str:
    """Return a text that is a JSON object, without superfluous white space; the service checks the rest."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QueryError(f"{name} is not valid JSON ({json_fault(error)}): check its braces and quotes.") from None
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise QueryError(f"{name} is not a filter of the service: a filter is a JSON object with a type.")
    try:
        return json.dumps(found, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        raise QueryError(f"{name} contains a number that is not finite: give another.") from None
