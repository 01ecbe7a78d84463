"""PLANET: names: read, written, refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.errors import NameSyntaxError
from planet_vector.item_ids import is_item_id
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


# ---- names that begin with a connection ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STAC:earth-search", Name(begins_with="earth-search")),
        ("stac:earth-search/", Name(begins_with="earth-search")),
        ("STAC:pc/naip", Name("naip", begins_with="pc")),
        ("STAC:pc/basemaps/mosaics", Name("basemaps", "mosaics", begins_with="pc")),
        ("STAC:pc/mosaics/x/red,green", Name("mosaics", "x", "red,green", begins_with="pc")),
        ("STAC:pc/a%2Fb/c%3Fd/e%2Cf", Name("a/b", "c?d", "e,f", begins_with="pc")),
        (
            "STAC:pc/naip?datetime=2024-05-01/2024-06-01&eo:cloud_cover.lte=10",
            Name("naip", "", "", (("datetime", "2024-05-01/2024-06-01"), ("eo:cloud_cover.lte", "10")), "pc"),
        ),
        ("STAC:https%3A%2F%2Fstac.example%2Fv1%2F/x", Name("x", begins_with="https://stac.example/v1/")),
    ],
)
def test_a_name_that_begins_with_a_connection_is_read(text: str, expected: Name) -> None:
    found = parse_name(text)
    assert found == expected
    assert not found.is_basemap
    assert found.service == expected.begins_with
    assert parse_name(str(found)) == expected


@given(WORDS, VALUES.filter(is_item_id), VALUES.filter(is_item_id), st.lists(st.tuples(KEYS, VALUES), max_size=4))
def test_a_name_that_begins_with_a_connection_survives_being_written(
    connection: str, a: str, b: str, parameters: list[tuple[str, str]]
) -> None:
    name = Name(a, b, "", tuple(parameters), connection)
    text = str(name)
    assert parse_name(text) == name
    assert text.startswith("STAC:") and text.isascii()
    assert not set(text) & set(' "|#\n')


@pytest.mark.parametrize(
    "text",
    ["STAC:", "STAC:?limit=1", "STAC:/x", "STAC:a//b", "STAC:a/b/c/d/e", "STAC:a/../c", "STAC:a/%00", "STAC:a/b/%0A"],
)
def test_malformed_names_that_begin_with_a_connection_are_refused(text: str) -> None:
    with pytest.raises(NameSyntaxError, match="STAC:"):
        parse_name(text)


@pytest.mark.parametrize("parameter", ["connection=other", "api_url=https://stac.example/"])
def test_a_name_has_one_connection(parameter: str) -> None:
    with pytest.raises(NameSyntaxError, match="begins with the connection 'pc'"):
        _ = parse_name(f"STAC:pc/naip?{parameter}").service


@pytest.mark.parametrize(
    "text",
    [
        "STAC:https%3A%2F%2Fme%3As3cr3t%40stac.example/x",
        "STAC:https://me:s3cr3t@stac.example/x/y/z/a",
        "STAC:pc/naip?token=s3cr3tvalue",
        "STAC:pc/naip?s3cr3tvalue0123456789abcdefghijklmnop",
    ],
)
def test_a_secret_in_a_name_that_begins_with_a_connection_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        parse_name(text)
    assert "s3cr3t" not in str(caught.value)


@given(st.text(max_size=60))
def test_hostile_names_are_read_or_refused(text: str) -> None:
    try:
        name = parse_name(f"STAC:{text}")
    except NameSyntaxError:
        return
    assert parse_name(str(name)) == name
