"""The files of an archive that no kind has claimed yet."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Match, Optional, Pattern, Tuple

from planet_vector.server.archive.units import File

MAX_METADATA = 32 * 2**20
"""Maximum bytes of a metadata file that is read for recognition."""


class Listing:
    """Files of an archive by path, in the order in which the archive was walked.

    Parameters
    ----------
    root : Path
        The archive.
    files : iterable of File
        Its files, with ``/`` in their paths.
    """

    def __init__(self, root: Path, files: Iterable[File]) -> None:
        self.root = root
        self._files: Dict[str, File] = {file.path: file for file in files}
        self._sorted: Optional[List[str]] = None

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def file(self, path: str) -> File:
        """Return the state of a file.

        Parameters
        ----------
        path : str
            A path of the listing.
        """
        return self._files[path]

    def matching(self, pattern: Pattern[str]) -> Iterator[Tuple[str, Match[str]]]:
        """Yield the files whose whole name matches a pattern, with the match.

        Parameters
        ----------
        pattern : re.Pattern
            A pattern for names without folders.

        Yields
        ------
        (str, re.Match)
            Path, and match of the name.
        """
        fullmatch = pattern.fullmatch
        for path in self._files:
            match = fullmatch(path, path.rfind("/") + 1)
            if match:
                yield path, match

    def below(self, folder: str) -> List[str]:
        """Return the files in a folder and its sub-folders, sorted.

        Parameters
        ----------
        folder : str
            Path of the folder; empty for the archive itself.
        """
        if self._sorted is None:
            self._sorted = sorted(self._files)
        if not folder:
            return list(self._sorted)
        # "0" is the character after "/".
        return self._sorted[bisect_left(self._sorted, folder + "/") : bisect_left(self._sorted, folder + "0")]

    def content(self, path: str) -> bytes:
        """Return the content of a metadata file, for kinds that are recognised by it.

        Parameters
        ----------
        path : str
            A path of the listing.

        Raises
        ------
        ValueError
            If it is longer than `MAX_METADATA`.
        OSError
            If it cannot be read.
        """
        if self._files[path].size > MAX_METADATA:
            raise ValueError(f"is longer than {MAX_METADATA // 2**20} MB")
        with (self.root / path).open("rb") as file:
            return file.read(MAX_METADATA)

    def drop(self, paths: Iterable[str]) -> None:
        """Remove files that a kind has claimed.

        Parameters
        ----------
        paths : iterable of str
            Their paths.
        """
        for path in paths:
            self._files.pop(path, None)
        self._sorted = None
