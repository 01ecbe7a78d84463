"""The Scenes API v0 answers on the sample archive as it did when `v0_answers.json` was written, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

from . import v0_answers
from .conftest import Serve


def test_v0_answers_as_before(serve: Serve, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(v0_answers.BASEMAPS)
    service = serve(archive, "--mosaics", str(tmp_path / "m.yml"))
    expected = json.loads(Path(__file__).with_name("v0_answers.json").read_text())
    found = v0_answers.answers(service.origin)
    assert len(expected) >= 100
    assert {path: found.get(path) for path in expected} == expected and found.keys() == expected.keys()
