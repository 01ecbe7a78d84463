"""WHERE clauses over scenes as hypothesis strategies, as written by OGR, its dialects and QGIS."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from tests.faces import V0, Face

NUMBERS = {
    "cloud_cover.estimated": (0, 100),
    "sat.off_nadir": (0, 5),
    "camera.gain": (100, 400),
    "camera.bit_depth": (8, 12),
    "image_statistics.gsd": (2, 5),
}
TEXTS = {
    "sat.id": ["0905", "0b0a", "0b0f", "0c1d"],
    "image_statistics.image_quality": ["test", "standard", "target"],
    "camera.color_mode": ["RGB", "Monochromatic"],
}
START = datetime(2015, 2, 27, tzinfo=timezone.utc)


def moments(fractions: bool = False) -> st.SearchStrategy[datetime]:
    """Return acquisition times: a few identical ones, and one at the end of a month.

    Whole seconds by default: a GeoPackage compares times as texts, which fractions would sort wrongly.
    """
    seconds = [0.0, 1.0, 43_200.0, 86_399.0] + fractions * [0.001, 0.5, 86_399.999, 86_399.9999, 31.999999]
    return st.builds(
        lambda days, s: START + timedelta(days=days, seconds=s), st.integers(0, 4), st.sampled_from(seconds)
    )


def quoted(name: str) -> str:
    return f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _number(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.integers(low, high).map(str),
        st.floats(low, high).map(lambda value: repr(round(value, 2))),
        st.integers(low, high).map(lambda value: f"{value}."),
    )


def times(fractions: bool = False) -> st.SearchStrategy[str]:
    """Return time literals."""
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if fractions else "%Y-%m-%dT%H:%M:%SZ"
    return moments(fractions).map(lambda moment: _text(moment.strftime(form)))


def time_comparisons(fractions: bool = False) -> st.SearchStrategy[str]:
    """Return comparisons of the acquisition time.

    Without ``<>``: OGR considers it true for equal times that differ in how their time zone is known.
    """
    return _comparison("acquired", times(fractions), [operator for operator in ORDERINGS if operator != "<>"])


def _comparison(name: str, literal: st.SearchStrategy[str], operators: list[str]) -> st.SearchStrategy[str]:
    column, operator = quoted(name), st.sampled_from(operators)
    return st.one_of(
        st.builds(lambda o, v: f"{column} {o} {v}", operator, literal),
        st.builds(lambda o, v: f"{v} {o} {column}", operator, literal),
        st.builds(lambda o, v: f"({column} {o} {v})", operator, literal),
        st.builds(lambda a, b: f"{column} BETWEEN {a} AND {b}", literal, literal),
        st.lists(literal, min_size=1, max_size=3).map(lambda values: f"{column} IN ({', '.join(values)})"),
        st.just(f"{column} IS NULL"),
        st.just(f"{column} IS NOT NULL"),
    )


ORDERINGS = ["=", "<>", "<", "<=", ">", ">="]


def leaves(face: Face = V0) -> st.SearchStrategy[str]:
    numbers = {face.spell(name): [int(face.value(name, end)) for end in ends]
               for name, ends in NUMBERS.items() if face.has(name)}  # fmt: skip
    texts = {face.spell(name): words for name, words in TEXTS.items() if face.has(name)}
    satellite = quoted(face.spell("sat.id"))
    return st.one_of(
        *[_comparison(name, _number(*ends), ORDERINGS) for name, ends in numbers.items()],
        *[_comparison(name, st.sampled_from(words).map(_text), ORDERINGS) for name, words in texts.items()],
        time_comparisons(),
        time_comparisons(),
        st.sampled_from(["0%", "%b%", "0905", "_905"]).map(lambda pattern: f"{satellite} LIKE {_text(pattern)}"),
        st.builds(
            lambda a, b: f'(("acquired" > {a}) AND ("acquired" <= {b})) OR ("acquired" IS NULL)', times(), times()
        ),
    )


def wheres(face: Face = V0) -> st.SearchStrategy[str]:
    """Return WHERE clauses, nested a few levels deep, over the columns of a service."""
    return st.recursive(
        leaves(face),
        lambda inner: st.one_of(
            st.builds(lambda a, b: f"({a}) AND ({b})", inner, inner),
            st.builds(lambda a, b: f"{a} AND ({b})", leaves(face), inner),
            st.builds(lambda a, b: f"({a}) OR ({b})", inner, inner),
            inner.map(lambda a: f"NOT ({a})"),
        ),
        max_leaves=5,
    )


def scenes() -> st.SearchStrategy[dict[str, object]]:
    """Return the values of a scene, some of them null."""
    numbers = {
        name: st.none() | st.integers(low, high) | st.floats(low, high).map(lambda value: round(value, 2))
        for name, (low, high) in NUMBERS.items()
    }
    numbers["camera.bit_depth"] = st.none() | st.sampled_from([8, 12])
    numbers["camera.gain"] = st.none() | st.integers(100, 400)
    texts = {name: st.none() | st.sampled_from(words) for name, words in TEXTS.items()}
    return st.fixed_dictionaries({**numbers, **texts, "acquired": moments()})
