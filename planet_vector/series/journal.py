"""Journal of a time series: the results of finished scenes in a file, so that an interrupted series can continue.

The first line identifies the inputs of the series except its search, so the journal of a summer also serves the next.
Each further line has one scene. A line is appended in one write and synchronised to the disk; an incomplete last line,
which a killed program may leave, is removed. One program at a time uses a journal.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Dict, Iterator, Mapping, Optional, Sequence, Tuple

from planet_vector.atomic_files import naming
from planet_vector.errors import ConfigError
from planet_vector.file_lock import AlreadyLocked, locked
from planet_vector.scene import Scene
from planet_vector.series.sampling import Statistics
from planet_vector.times import format_time

_FORMAT = "planet_vector time series 1"

Results = Dict[str, Statistics]
"""Statistics by the id of the place."""


class Journal:
    """Open journal; `append` may be called by several threads.

    Parameters
    ----------
    path : Path
        The file; created if missing.
    inputs : mapping
        What the results depend on besides the scenes, as JSON.

    Raises
    ------
    ConfigError
        If the file is not a journal of these inputs.
    """

    def __init__(self, path: Path, inputs: Mapping[str, object]) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._found: Dict[str, Results] = {}
        text = json.dumps(inputs, sort_keys=True, allow_nan=False)
        self._header = {"format": _FORMAT, "inputs": hashlib.sha256(text.encode()).hexdigest()}
        self._load()

    def results(self, scene: Scene) -> Optional[Results]:
        """Return the stored results of a scene, or None.

        Parameters
        ----------
        scene : Scene
            The scene; results of an earlier publication of it do not count.
        """
        return self._found.get(_version(scene))

    def append(self, scene: Scene, results: Results) -> None:
        """Store the results of a scene.

        Parameters
        ----------
        scene : Scene
            The scene.
        results : dict of str to Statistics
            By the id of the place.
        """
        self._write({"scene": _version(scene), "places": {name: astuple(found) for name, found in results.items()}})

    def _load(self) -> None:
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].splitlines()
        if lines:
            self._parse(lines)
        elif content and not _begins_as(content, self._header):
            raise self._foreign()
        if whole < len(content):  # only now, as it may be another file that was named by mistake
            with naming(self.path):
                os.truncate(self.path, whole)
        if not lines:
            self._write(self._header)

    def _parse(self, lines: Sequence[bytes]) -> None:
        try:
            header, *scenes = map(json.loads, lines)
            if not isinstance(header, dict) or header.get("format") != _FORMAT:
                raise self._foreign()
            self._found = dict(map(_scene_of, scenes))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._foreign() from None
        if header != self._header:
            raise ConfigError(
                f"{self.path} is the journal of other places or another expression or mask: remove it, or name another"
                " file."
            )

    def _write(self, line: Mapping[str, object]) -> None:
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        with self._lock, naming(self.path), open(self.path, "ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _foreign(self) -> ConfigError:
        return ConfigError(f"{self.path} is not a journal of a time series, or is damaged: name another file.")


@contextmanager
def opened_journal(path: Optional[Path], inputs: Mapping[str, object]) -> Iterator[Optional[Journal]]:
    """Open a journal for the duration of a block, and lock it.

    Parameters
    ----------
    path : Path or None
        The file; None for no journal. Its lock is an empty file beside it, with ``.lock`` appended.
    inputs : mapping
        As for `Journal`.

    Yields
    ------
    Journal or None
        The journal.

    Raises
    ------
    ConfigError
        If another program uses it, or it is of other inputs.
    """
    if path is None:
        yield None
        return
    if not path.parent.is_dir():
        raise ConfigError(f"There is no folder {path.parent} for {path.name}: make it first.")
    try:
        with locked(lock_of(path), seconds=0):
            yield Journal(path, inputs)
    except AlreadyLocked:
        raise ConfigError(f"Another program uses {path}: wait for it, or name another journal.") from None
    except sqlite3.Error as error:
        raise ConfigError(f"{lock_of(path)} cannot be locked ({error}): name a journal in another folder.") from None


def lock_of(path: Path) -> Path:
    """Return the file that locks a journal.

    Parameters
    ----------
    path : Path
        The journal.
    """
    return path.with_name(f"{path.name}.lock")


def _version(scene: Scene) -> str:
    published = scene.published
    return f"{scene.scene_type}/{scene.id}" + (f"@{format_time(published)}" if published else "")


def _scene_of(line: Mapping[str, Mapping[str, Sequence[float]]]) -> Tuple[str, Results]:
    return str(line["scene"]), {name: _statistics(found) for name, found in line["places"].items()}


def _statistics(values: Sequence[float]) -> Statistics:
    """Return stored statistics, after checking them.

    Raises
    ------
    ValueError
        If no pixels have these statistics.
    """
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError(values)
    mean, median, least, most, std, count, share = values
    of_values = (mean, median, least, most, std)
    if count:
        right = all(map(math.isfinite, of_values)) and least <= median <= most and std >= 0 and 0 < share <= 1
    else:
        right = all(map(math.isnan, of_values)) and (math.isnan(share) or share == 0)
    if type(count) is not int or count < 0 or not right:
        raise ValueError(values)
    mean, median, least, most, std = map(float, of_values)
    return Statistics(mean, median, least, most, std, count, float(share))


def _begins_as(content: bytes, header: Mapping[str, object]) -> bool:
    """Return whether an incomplete file may be the beginning of a journal."""
    return json.dumps(header, separators=(",", ":")).encode().startswith(content)
