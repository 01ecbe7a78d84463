"""Rows say the same by columns, by rows and by names."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from planet_vector.collection_schema import INTEGER, REAL, CollectionSchema, Meanings
from planet_vector.vector.columns import Rows
from planet_vector.vector.schema import MADE, Schema

NAMES = ("id", "cloud", "gain", "note")


@given(
    st.lists(st.tuples(st.text(), st.none() | st.floats(0, 1), st.none() | st.integers(0, 9), st.none()), min_size=1),
    st.booleans(),
)
def test_what_rows_say_by_name_is_what_is_in_their_columns(values: list[tuple[Any, ...]], prepared: bool) -> None:
    columns = list(zip(*values))
    full = frozenset(slot for slot in (0, 1) if None not in columns[slot])  # not all that could be known to be full
    rows = Rows(range(len(values)), [None] * len(values), [None] * len(values), columns, full)
    expected = [{name: value for name, value in zip(NAMES, row) if value is not None} for row in values]
    if prepared:
        rows.prepare(NAMES)
    assert list(rows.named(NAMES)) == expected
    assert list(rows.named(NAMES)) == expected
    assert [row.values for row in rows] == values


def test_what_is_prepared_is_given_once() -> None:
    rows = Rows([1], [None], [None], [["a"]], frozenset([0]))
    rows.prepare(["id"])
    (first,), (second,) = rows.named(["id"]), rows.named(["id"])
    assert first == second == {"id": "a"} and first is not second  # a result that was read keeps no copy of itself


def test_columns_made_here_are_texts_whatever_a_collection_calls_so() -> None:
    schema = Schema(CollectionSchema("any", "any", {**dict.fromkeys(MADE, INTEGER), "gsd": REAL}, Meanings("when")))
    assert dict(zip(schema.names, schema.types)) == {**dict.fromkeys(MADE, "String"), "gsd": "Real"}
