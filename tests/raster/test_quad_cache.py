"""Quads on disk: whatever lies beside or in the place of one, it is fetched again, or a sentence says why not."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Callable

import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.errors import RasterAccessError
from planet_vector.raster.quad_cache import QuadCache

from .recording import Pair

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and modes as POSIX has them")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def _huge(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "etc": "x" * 10**6}))


def _open_to_all(path: Path) -> None:
    path.chmod(0o666)


def _bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def get(catalog: ScenesV0, pair: Pair) -> Path:
    """Return the quad as another program gets it."""
    return QuadCache(catalog).get("m", "q", pair.link("direct"))


def fetched(pair: Pair) -> bool:
    """Return whether the quad was asked for whole since the last call."""
    whole = any(request.sent >= len(pair.data) for request in pair.api.seen + pair.store.seen)
    pair.forget()
    return whole


@pytest.mark.parametrize("change", [_pipe, _link, _directory, _deep, _huge, _open_to_all, _bytes])
def test_an_odd_note_is_none(pair: Pair, catalog: ScenesV0, change: Callable[[Path], None]) -> None:
    pair.data = b"II*\0" + bytes(10_000)
    path = get(catalog, pair)
    assert fetched(pair)
    assert get(catalog, pair) == path and not fetched(pair)
    change(path.with_suffix(".json"))
    assert get(catalog, pair).read_bytes() == pair.data
    assert fetched(pair)


@pytest.mark.parametrize("change", [_pipe, _link])
def test_what_lies_in_the_place_of_a_quad_gives_way(
    pair: Pair, catalog: ScenesV0, change: Callable[[Path], None]
) -> None:
    pair.data = b"II*\0" + bytes(10_000)
    path = get(catalog, pair)
    change(path)
    pair.forget()
    assert get(catalog, pair) == path
    assert fetched(pair)
    assert stat.S_ISREG(path.lstat().st_mode) and path.read_bytes() == pair.data


def test_a_quad_that_cannot_be_kept_is_said_to_be_one(
    pair: Pair, catalog: ScenesV0, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = get(catalog, pair)
    _directory(path)
    with pytest.raises(RasterAccessError, match="Quad q cannot be kept .* without a cache"):
        get(catalog, pair)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(RasterAccessError, match="Quad q cannot be kept .* without a cache"):
        get(catalog, pair)


def test_what_killed_programs_left_goes_after_a_while(pair: Pair, catalog: ScenesV0) -> None:
    path = get(catalog, pair)
    names = (".other.123.tif", ".other.123.tif.part", ".other.123.tif.part.version", ".note-other")
    old, new = ([path.with_name(name.replace("other", age)) for name in names] for age in ("old", "new"))
    for left in old + new:
        left.touch()
    for left in old:
        os.utime(left, (time.time() - 86400,) * 2)
    path.unlink()
    get(catalog, pair)
    assert [left.exists() for left in old + new] == [False] * 4 + [True] * 4
