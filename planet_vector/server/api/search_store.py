"""Searches of the Data API that have an address: saved by a client, or kept for the pages of a quick search."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import List, Optional

from planet_vector.private_files import make_folder, read_private, write_private
from planet_vector.server.api.documents import Document
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.database import Index

MAX_SAVED = 1000
"""Maximum number of saved searches of a key."""

MAX_BYTES = 8 * 2**20  # of a saved search; a request has at most 4 MiB
_ID = re.compile("[0-9a-f]{32}")
_PREFIX = ".part-"


class SearchStore:
    """Store of searches beside an index, shared by all processes of a service.

    Parameters
    ----------
    index : Index
        The index; searches that are kept for their pages are stored like its areas, and the oldest are dropped.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._folder: Path = index.path.with_name(index.path.name + ".searches")

    def keep(self, request: Document) -> str:
        """Store a search for the links to its pages, and return its id.

        Parameters
        ----------
        request : dict
            The request as JSON.

        Returns
        -------
        str
            Its id.

        Raises
        ------
        HttpError
            503, if it cannot be written to the disk.
        """
        text = json.dumps(request, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._index.keep_area(digest, text)
        return digest

    def request(self, search_id: str, owner: str) -> Optional[Document]:
        """Return the request of a search, kept or saved; None if there is none.

        Parameters
        ----------
        search_id : str
            Its id, from an address.
        owner : str
            Name of the key, of which saved searches are found.
        """
        text = self._index.kept_area(search_id)
        found = json.loads(text) if text is not None else None
        return found if isinstance(found, dict) else self.saved(search_id, owner)

    def saved(self, search_id: str, owner: str) -> Optional[Document]:
        """Return a saved search of a key; None if there is none.

        Parameters
        ----------
        search_id : str
            Its id, from an address.
        owner : str
            Name of the key.
        """
        if not _ID.fullmatch(search_id):
            return None
        try:
            content, _ = read_private(self._path(search_id, owner), MAX_BYTES)
        except FileNotFoundError:
            return None
        found: Document = json.loads(content)
        return found

    def all_saved(self, owner: str) -> List[Document]:
        """Return the saved searches of a key, the newest first.

        Parameters
        ----------
        owner : str
            Name of the key.
        """
        ids = [path.stem for path in self._path("*", owner).parent.glob("*.json")]
        found = [each for each in (self.saved(search_id, owner) for search_id in ids) if each is not None]
        return sorted(found, key=lambda each: (str(each["created"]), str(each["id"])), reverse=True)

    def save(self, document: Document, owner: str) -> Document:
        """Save a search, as a new one unless it has an id, and return it with its id.

        Parameters
        ----------
        document : dict
            The search.
        owner : str
            Name of the key.

        Returns
        -------
        dict
            The search with its id.

        Raises
        ------
        HttpError
            400 if the key has too many, 503 if it cannot be written to the disk.
        """
        saved = {"id": secrets.token_hex(16), **document}
        path = self._path(str(saved["id"]), owner)
        try:
            make_folder(path.parent)
            if "id" not in document and sum(1 for _ in path.parent.glob("*.json")) >= MAX_SAVED:
                raise HttpError(400, f"You have {MAX_SAVED} saved searches: delete some.")
            write_private(path, json.dumps(saved).encode(), _PREFIX)
        except OSError as error:
            raise HttpError(503, f"The service cannot store the search ({error.strerror}): retry later.") from None
        return saved

    def delete(self, search_id: str, owner: str) -> bool:
        """Delete a saved search of a key, and return whether there was one.

        Parameters
        ----------
        search_id : str
            Its id, from an address.
        owner : str
            Name of the key.

        Returns
        -------
        bool
            Whether there was one.

        Raises
        ------
        HttpError
            503, if it cannot be deleted.
        """
        if not _ID.fullmatch(search_id):
            return False
        try:
            self._path(search_id, owner).unlink()
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise HttpError(503, f"The service cannot delete the search ({error.strerror}): retry later.") from None
        return True

    def _path(self, search_id: str, owner: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode(errors="surrogatepass")).hexdigest() / f"{search_id}.json"
