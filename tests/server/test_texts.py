"""Texts of scenes as columns of the index: filters of them read no items, and agree with the items."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from planet_vector.server.index.data_properties import data_vocabulary
from planet_vector.server.index.database import Index
from planet_vector.server.index.expressions import (
    TRUE,
    Comparison,
    Condition,
    In,
    IsNull,
    Like,
    Not,
    Property,
    evaluate,
)
from planet_vector.server.index.item_index import ItemIndex
from planet_vector.server.index.item_orders import whole_order
from planet_vector.server.index.item_properties import STAC, Vocabulary
from planet_vector.server.index.item_search import ItemFinder, ItemSearch, compared
from planet_vector.server.index.records import read_records
from planet_vector.server.index.updating import update
from tests.server.conftest import feature, write_features
from tests.server.data_archives import order_items, write_order

VOCABULARIES = {"stac": STAC, "data": data_vocabulary(None)}
NAMES = {
    "stac": ("platform", "constellation", "pl:strip_id"),
    "data": ("satellite_id", "instrument", "provider", "strip_id"),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Return an index of an order, which states its fields, and of Features, which do not."""
    folder = tmp_path_factory.mktemp("archive")
    write_order(folder, order_items(12))
    texts: List[Any] = ["RE-1", "re-1", " Re-1 ", "", None, 7, ["x"]]
    scenes = [
        feature(f"F{number}", sat={"id": text}, provider=texts[-number], strip_id=text)
        for number, text in enumerate(texts)
    ]
    write_features(folder / "l.json", scenes)
    place = tmp_path_factory.mktemp("index") / "i.sqlite"
    update(folder, place, lambda done, total: None)
    with closing(Index(place)) as found:
        yield found


def conditions(vocabulary: str, index: Index) -> Iterator[Condition]:
    with index.look_up() as db:
        scenes = read_records(db, [scene for (scene,) in db.execute("SELECT scene FROM scene")])
    for name in NAMES[vocabulary]:
        seen = {VOCABULARIES[vocabulary].values(scene).get(name) for scene in scenes} - {None}
        assert seen, name
        for value in [*sorted(map(str, seen)), "none"]:
            for operator in ("=", "<>", "<", ">="):
                yield Comparison(operator, Property(name), value)
            yield Comparison("=", value, Property(name))
            yield In(Property(name), (value, "re-1"))
            yield Not(In(Property(name), (value,)))
        yield IsNull(Property(name))
        yield Like(Property(name), "%e%")
        yield In(Property(name), ("re-1", 7))


def found(index: Index, condition: Condition, vocabulary: Vocabulary) -> List[str]:
    search = ItemSearch(condition, None, None, whole_order([]), 1000, vocabulary=vocabulary)
    return sorted(item.scene.scene_id for item in ItemIndex(index).search(search).items)


@pytest.mark.parametrize("name", VOCABULARIES)
def test_texts_are_compared_without_the_items(index: Index, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Iterator[int]:
        rows = _[4]
        assert not len(rows), "items are read"
        return iter(())

    with index.look_up() as db:
        scenes = read_records(db, [scene for (scene,) in db.execute("SELECT scene FROM scene")])
    monkeypatch.setattr(ItemFinder, "_tested", refuse)
    vocabulary = VOCABULARIES[name]
    for condition in conditions(name, index):
        expected = [s.scene_id for s in scenes if evaluate(condition, compared(s, None, vocabulary)) == TRUE]
        assert found(index, condition, vocabulary) == sorted(expected), condition


def test_a_property_that_wins_is_read_from_the_item(tmp_path: Path) -> None:
    """A STAC item whose platform is not its satellite in lower case."""
    from planet_vector.server.archive.fields import SceneFields
    from planet_vector.server.index.texts import OTHER, text_values

    plain = SceneFields(satellite="Landsat8", provider="usgs", strip_id="1")
    assert text_values(plain) == ["Landsat8", None, "usgs", "1"]
    same = SceneFields(satellite="Landsat8", v1={"satellite_id": "Landsat8"}, stac={"platform": "landsat8"})
    assert text_values(same) == ["Landsat8", None, None, None]
    for more in ({"v1": {"satellite_id": 8}}, {"stac": {"platform": "Landsat-8"}}, {"stac": {"platform": None}}):
        assert text_values(SceneFields(satellite="Landsat8", **more))[0] is OTHER
