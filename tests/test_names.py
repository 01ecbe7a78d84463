"""PLANET: names: read, written, refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.errors import NameSyntaxError
from planet_vector.names import Name, is_name, parse_name

WORDS = st.text("abcXYZ019_-.", min_size=1, max_size=12).filter(lambda text: text not in (".", ".."))
KEYS = st.text("abcdef._", min_size=1, max_size=10)
VALUES = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PLANET:", Name()),
        ("planet:ortho", Name("ortho")),
        ("planet://ortho/20150306_022415_0908", Name("ortho", "20150306_022415_0908")),
        ("PLANET:landsat/LC8/band_4,band_3", Name("landsat", "LC8", "band_4,band_3")),
        ("PLANET:basemaps/color_balance/L15-0763E-0959N", Name("basemaps", "color_balance", "L15-0763E-0959N")),
        ("planet:mosaics", Name("basemaps")),  # as it was before 0.2.0
        ("planet://mosaics/clear?bbox=1,2,3,4", Name("basemaps", "clear", "", (("bbox", "1,2,3,4"),))),
        ("PLANET:ortho/mosaics/mosaics", Name("ortho", "mosaics", "mosaics")),
        (
            "PLANET:ortho?acquired.gte=2015-03-01T00:00:00+00:00&intersects=POINT(1%202)",
            Name("ortho", "", "", (("acquired.gte", "2015-03-01T00:00:00+00:00"), ("intersects", "POINT(1 2)"))),
        ),
    ],
)
def test_a_name_is_read(text: str, expected: Name) -> None:
    assert parse_name(text) == expected


@given(WORDS, WORDS, WORDS, st.lists(st.tuples(KEYS, VALUES), max_size=4))
def test_a_name_survives_being_written(a: str, b: str, c: str, parameters: list[tuple[str, str]]) -> None:
    name = Name(a, b, c, tuple(parameters))
    text = str(name)
    assert parse_name(text) == name
    assert text.isascii()
    assert not set(text) & set(' "|#\n')


@pytest.mark.parametrize("text", ["ortho", "/data/PLANET:ortho", "", "PLANETS:ortho", "s3://PLANET:"])
def test_other_texts_are_no_names(text: str) -> None:
    assert not is_name(text)
    with pytest.raises(NameSyntaxError, match="not a PLANET: name"):
        parse_name(text)


@pytest.mark.parametrize(
    "text", ["PLANET:ortho/../x", "PLANET:a/b/c/d", "PLANET:or%0Atho", "PLANET:ortho/%20", "PLANET:/x"]
)
def test_malformed_names_are_refused(text: str) -> None:
    with pytest.raises(NameSyntaxError):
        parse_name(text)


@pytest.mark.parametrize(
    "key", ["api_key", "API_KEY", "key", "apikey", "PL_API_KEY", "token", "Authorization", "api%5Fkey"]
)
def test_a_key_in_a_name_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(NameSyntaxError, match="PL_API_KEY") as caught:
        parse_name(f"PLANET:ortho?{key}=s3cr3tvalue")
    assert "s3cr3t" not in str(caught.value)


def test_a_user_name_in_the_root_is_refused_and_not_repeated() -> None:
    with pytest.raises(NameSyntaxError, match="api_url") as caught:
        parse_name("PLANET:ortho?api_url=https://s3cr3t:@example.com/v0/")
    assert "s3cr3t" not in str(caught.value)


def test_the_products_of_a_name_are_in_order() -> None:
    assert parse_name("PLANET:landsat/LC8/band_4,band_3").products == ("band_4", "band_3")
    assert parse_name("PLANET:basemaps/m/L15-0001E-0001N").products == ()


def test_a_parameter_that_stands_twice_is_refused_where_one_is_wanted() -> None:
    with pytest.raises(NameSyntaxError, match="2 times"):
        parse_name("PLANET:ortho?product=a&product=b").get("product")
