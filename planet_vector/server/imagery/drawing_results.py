"""Results of drawing a picture: the picture, or what must be made first, and what would make the next one cheaper."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple, Union

from planet_vector.server.imagery.reading import Raster, Source

_LITTLE = 0.01  # of a file: an inevitable waste of tiles, such as a block around the visible part


class SurveysWanted(NamedTuple):
    """Result of a drawing that needs surveys of files first."""

    sources: List[Source]


class Drawn(NamedTuple):
    """Picture, and the unused pixels that were decoded for it.

    Attributes
    ----------
    content : bytes
        The picture.
    wasted : sequence of (Source, float)
        Files for which a pyramid would avoid decoding unused pixels, and their amount as a share of the whole file.
    """

    content: bytes
    wasted: Sequence[Tuple[Source, float]]


class Told:
    """Information on files that is collected while a picture is made of them.

    Attributes
    ----------
    missing : dict of Path to Source
        Files that must be surveyed first, by the path of their survey.
    wasted : dict of Path to (Source, float)
        Files and amounts of `Drawn`, by the path of their survey.
    """

    def __init__(self) -> None:
        self.missing: Dict[Path, Source] = {}
        self.wasted: Dict[Path, Tuple[Source, float]] = {}

    def waste(self, raster: Raster) -> None:
        """Record the unused pixels that were decoded of a file.

        Parameters
        ----------
        raster : Raster
            The file, after reading.
        """
        source = raster.source
        if source.pyramids and raster.wasted >= _LITTLE:
            before = self.wasted[source.survey][1] if source.survey in self.wasted else 0.0
            self.wasted[source.survey] = source, before + raster.wasted

    def drawn(self, content: bytes) -> Union[bytes, Drawn]:
        """Return a picture, with the unused pixels that were decoded for it, if any.

        Parameters
        ----------
        content : bytes
            The picture.
        """
        return Drawn(content, list(self.wasted.values())) if self.wasted else content
