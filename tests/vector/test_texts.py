"""Values as JSON are the same with and without msgspec, which programs that embed Python may lack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.vector import texts

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.builds(lambda digits, power: float(f"{digits}e{power}"), st.integers(-(10**17), 10**17), st.integers(-30, 30)),
)
# Texts that look like the numbers that msgspec writes otherwise.
TEXTS = st.one_of(st.text(), st.sampled_from(["a3e5", " 1e5", "[null", "0.00001", "\0", "\ud800", "\x7f\x1f"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(VALUES)
def test_json_is_the_same_without_msgspec(value: Any) -> None:
    with_msgspec = texts.to_json(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "_QUICK", None)
        assert with_msgspec == texts.to_json(value)


def test_usual_values_are_written_by_msgspec() -> None:
    value = {"nir": {"href": "https://a.example/3e5.tif", "shape": [10980, 10980], "scale": 0.0001}, "b": ["ö", -0.5]}
    assert texts._quick_json(value) == json.dumps(value, sort_keys=True, ensure_ascii=False)
