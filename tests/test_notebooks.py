"""The notebooks of the documentation run, and what they show agrees with each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import ROOT, Start

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("odc.stac")

NDVI = ROOT / "docs" / "notebooks" / "ndvi.ipynb"

CHECK = """
import json
import pandas
sets = []
for frame in (series, same):
    sets.append(dict(zip(frame.scene, frame["median"])))
hand = by_hand.to_series()
hand.index = pandas.DatetimeIndex(hand.index).tz_localize("UTC")
times = series.set_index("acquired")["median"]
pairs = [(float(times[when]), float(value)) for when, value in hand.items() if when in times.index]
json.dumps([sets, pairs])
"""


def test_our_way_takes_at_most_twelve_lines() -> None:
    cells = [cell for cell in nbformat.read(NDVI, 4).cells if cell.cell_type == "code"]
    assert len(cells) == 4
    for cell in cells[:3]:
        assert len(cell.source.splitlines()) <= 12
    assert "odc.stac" in cells[3].source and "pystac_client" in cells[3].source
    assert not any(cell.outputs for cell in cells)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # of Jupyter and asyncio
def test_the_series_agrees_with_odc_stac(
    start_service: Start, archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = start_service(archive, key="")  # pystac-client is given no key
    monkeypatch.setenv("PL_API_URL", service.url)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    notebook = nbformat.read(NDVI, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(CHECK))
    try:
        nbclient.NotebookClient(notebook, timeout=300).execute(cwd=str(tmp_path))
    finally:
        service.stop()
    *shown, checked = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in shown:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), "there is no plot"
        assert not any(output.get("name") == "stderr" for output in cell.outputs)
    (ours, stac), pairs = json.loads(checked.outputs[-1]["data"]["text/plain"][1:-1])
    assert ours == pytest.approx(stac) and len(ours) > 8
    # odc-stac warps the pixels, and has another rule for those at the edge.
    assert len(pairs) > 8
    assert all(abs(mine - hand) < 0.02 for mine, hand in pairs)
