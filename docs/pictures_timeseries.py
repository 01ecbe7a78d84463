"""The picture of `docs/timeseries.md`, made from the sample archive."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import matplotlib

matplotlib.use("Agg")
from matplotlib import dates, pyplot  # noqa: E402

import planet_vector  # noqa: E402

FIELD = "POLYGON ((12 47.875, 12.004 47.8755, 12.0035 47.878, 12 47.875))"


def make(directory: Path, environ: Dict[str, str]) -> List[Path]:
    """Plot the NDVI of a field over a summer.

    Parameters
    ----------
    directory : Path
        Where to.
    environ : dict
        Environment in which the sample archive's service is reached.

    Returns
    -------
    list of Path
        What was drawn.
    """
    found = planet_vector.search("ortho", intersects=FIELD, cloud_cover=20, connection=environ["PL_API_URL"])
    series = planet_vector.timeseries(found, FIELD, "ndvi")
    series = series[series.valid > 0.9]
    figure, axes = pyplot.subplots(figsize=(9, 3.6), dpi=110, layout="constrained")
    axes.fill_between(series.acquired, series["median"] - series["std"], series["median"] + series["std"], alpha=0.2)
    axes.plot(series.acquired, series["median"], "o-")
    axes.set(ylabel="NDVI", ylim=(0, 0.8))
    axes.xaxis.set_major_locator(dates.MonthLocator())
    axes.xaxis.set_major_formatter(dates.DateFormatter("%B"))
    axes.grid(alpha=0.3)
    drawn = directory / "timeseries.png"
    figure.savefig(drawn)
    pyplot.close(figure)
    return [drawn]
