"""Watch an archive for changes reported by the file system, which replaces scanning it.

A watch is trusted only if it is known to be complete: on Linux, if the whole archive is on local file systems. Others
(network, FUSE, …) do not report changes by other machines. Each folder is watched individually, as watching a tree
would follow links out of the archive.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Set, Tuple

from watchfiles._rust_notify import RustNotify

QUIET = 1.0
"""Seconds without a change after which files are considered complete."""

LOCAL = frozenset(
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs hfsplus iso9660 jfs msdos nilfs2 ntfs3 overlay ramfs reiserfs "
    "squashfs tmpfs udf vfat xfs zfs".split()
)
"""Names of file systems, as in proc(5), that only this machine's kernel changes."""

_MOUNTS = Path("/proc/self/mountinfo")
_STEP = 0.25  # seconds between two checks for events of the kernel
_TRIES = 3  # to watch folders while folders are created and deleted
_AGAIN = 600.0  # seconds until a watch is retried that the system has refused
_ADVICE = "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances (sysctl)"

_CHANGED = (FileNotFoundError, NotADirectoryError, PermissionError)
"""Exceptions for a folder that was deleted, or became unreadable."""

Folders = Dict[str, Tuple[int, int]]
"""Paths of folders, with the device and inode of each."""


class NotWatchable(Exception):
    """Raised if an archive cannot be watched, or a watch would not report everything."""


class Refused(Exception):
    """Raised if the system refuses a watch, because its limits are exceeded."""


class Mount(NamedTuple):
    """Mounted file system: its id, mount point and type."""

    number: str
    place: str
    kind: str


class Watching:
    """Watch of an archive, if it can be watched.

    Parameters
    ----------
    root : Path
        The archive.
    index : Path
        Its index, which the service writes itself: changes of it are ignored if it is inside the archive.
    """

    def __init__(self, root: Path, index: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._index = os.path.realpath(index)
        self._watch: Optional[_Watch] = None
        self._folders: Folders = {}
        self._mounts: Tuple[Mount, ...] = ()
        self._refused: Optional[float] = None  # time of the last refusal

    @property
    def trusted(self) -> bool:
        """Whether all changes in the archive after the end of `renew` are reported."""
        return self._watch is not None

    def renew(self) -> None:
        """Watch the present folders, and forget earlier changes: `is_due` reports changes from now on.

        Raises
        ------
        NotWatchable, Refused
            If the archive cannot be watched; an earlier watch has ended then.
        """
        sound = self._watch is not None and self._watch.take()
        try:
            mounts, folders = find_mounts(self._root), find_folders(self._root)
            if not (sound and (folders, mounts) == (self._folders, self._mounts)):
                if self._refused is not None and time.monotonic() - self._refused < _AGAIN:
                    raise NotWatchable("the system has refused it a while ago")
                self._replace(folders)
                self._mounts = mounts
        except BaseException as error:
            self.close()
            if isinstance(error, Refused):
                self._refused = time.monotonic()
            if isinstance(error, OSError):
                raise NotWatchable(f"it cannot be read ({error.strerror})") from None
            raise

    def _replace(self, folders: Folders) -> None:
        """Watch other folders; the former watch ends once the new one is complete."""
        for _ in range(_TRIES):
            try:
                watch = _Watch(folders, self._index)
            except _CHANGED:
                folders = find_folders(self._root)
                continue
            # Folders created before the watch began were not reported, so there must not be any.
            again = find_folders(self._root)
            if again == folders:
                self.close()
                self._watch, self._folders = watch, folders
                return
            watch.close()
            folders = again
        raise NotWatchable("its folders come and go")

    def is_due(self, most: float) -> bool:
        """Return whether something has changed, and appears to be completely written.

        Parameters
        ----------
        most : float
            Seconds after which continuing changes are due, too.
        """
        return self._watch is not None and self._watch.is_due(most)

    def has_moved(self) -> bool:
        """Return whether the archive's folder was replaced, or its mounts changed, since `renew`."""
        try:
            status = os.stat(self._root)
            there = (status.st_dev, status.st_ino) == self._folders.get(str(self._root))
            return not there or find_mounts(self._root) != self._mounts
        except (OSError, NotWatchable):
            return True

    def close(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def find_folders(root: Path) -> Folders:
    """Return the folders of an archive that `planet_vector.server.archive.inventory.scan` reads.

    Parameters
    ----------
    root : Path
        The archive, as a real path.

    Returns
    -------
    dict of str to (int, int)
        Device and inode of each folder by its path.

    Raises
    ------
    NotWatchable
        If a served file is in another folder, or a folder's name cannot be watched.
    OSError
        If the archive does not exist.
    """
    status = os.stat(root)
    found: Folders = {str(root): (status.st_dev, status.st_ino)}
    targets: Set[str] = set()
    waiting: List[str] = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            folder.encode()
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found[entry.path] = (status.st_dev, status.st_ino)
                        waiting.append(entry.path)
                    elif entry.is_symlink():
                        targets.add(os.path.dirname(os.path.realpath(entry.path)))
        except UnicodeEncodeError:
            raise NotWatchable("the name of a folder is not UTF-8") from None
        except _CHANGED:
            # It was deleted, or is unreadable until its mode changes, which the watch of its parent reports.
            found.pop(folder, None)
        except OSError as error:
            raise NotWatchable(f"{folder} cannot be read ({error.strerror})") from None
    # A link may lead to a file in a hidden folder.
    hidden = {target for target in targets if target.startswith(str(root) + os.sep)} - found.keys()
    if hidden:
        raise NotWatchable(f"links lead to files in {min(hidden)}")
    return found


def find_mounts(root: Path) -> Tuple[Mount, ...]:
    """Return the file systems that contain an archive.

    Parameters
    ----------
    root : Path
        The archive, as a real path.

    Returns
    -------
    tuple of Mount
        The file system of its folder, followed by those mounted inside of it.

    Raises
    ------
    NotWatchable
        If they are unknown, or another machine may change one of them.
    """
    if not sys.platform.startswith("linux"):
        raise NotWatchable("this system does not tell all that changes")
    try:
        mounts = parse_mounts(os.fsdecode(_MOUNTS.read_bytes()))
    except OSError as error:
        raise NotWatchable(f"{_MOUNTS} cannot be read ({error.strerror})") from None
    place = str(root)
    around = [mount for mount in mounts if _is_within(place, mount.place)]
    if not around:
        raise NotWatchable("it is not known where it is mounted")
    # Of two at one mount point, the last is visible.
    deepest = max(reversed(around), key=lambda mount: len(mount.place))
    found = (deepest, *(mount for mount in mounts if mount.place != place and _is_within(mount.place, place)))
    strange = [mount for mount in found if mount.kind not in LOCAL]
    if strange:
        raise NotWatchable(f"{strange[0].place} is of the type {strange[0].kind}")
    return found


def parse_mounts(text: str) -> List[Mount]:
    """Parse ``/proc/self/mountinfo``, as described in proc(5).

    Parameters
    ----------
    text : str
        Content of the file.

    Returns
    -------
    list of Mount
        Mounts in the order of the file, without malformed lines.
    """
    found = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) > 4:
            place = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), fields[4])
            found.append(Mount(fields[0], place, after.split(" ")[0]))
    return found


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


class _Watch:
    """Watch of folders, in a separate thread, until it is closed."""

    def __init__(self, folders: Iterable[str], index: str) -> None:
        self._paths: FrozenSet[str] = frozenset(folders)
        self._own_files = frozenset(
            index + end for end in ("", "-wal", "-shm", "-journal", ".lock", ".holder", ".file")
        )
        pictures, overviews = (str(Path(index).with_suffix(end)) for end in (".pictures", ".overviews"))
        self._own_files |= {overviews + end for end in (".lock", ".holder")}
        self._own_folders = (index + ".areas", pictures, overviews)
        try:
            self._notify = RustNotify(sorted(self._paths), False, False, 0, False, False)
        except _CHANGED:
            raise
        except (OSError, RuntimeError) as error:
            # The rest of the message lists folders, and repeats the error in Rust's format.
            reason = " ".join(str(error).partition(" about [")[0].split())[:300].rstrip(".")
            raise Refused(f"{reason}; {_ADVICE}") from None
        self._lock = threading.Lock()
        self._first: Optional[float] = None  # time of the first change since `take`
        self._last = 0.0
        self._sound = True
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="watch", daemon=True)
        self._thread.start()

    def take(self) -> bool:
        """Forget the reported changes, and return whether the watch is still complete; if not, it must be replaced."""
        with self._lock:
            self._first = None
            return self._sound

    def is_due(self, most: float) -> bool:
        """Return whether there was a change followed by a pause, or changes continued for `most` seconds."""
        with self._lock:
            now = time.monotonic()
            return self._first is not None and (now - self._last >= min(QUIET, most) or now - self._first >= most)

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()
        self._notify.close()

    def _listen(self) -> None:
        while True:
            try:
                # Without a timeout: events that arrive as it expires would be lost.
                told = self._notify.watch(0, int(1000 * _STEP), 0, self._closed)
            except BaseException:  # names that are not UTF-8, of files that are not served; no events follow
                self._note(sound=False)
                return
            if isinstance(told, str):
                return
            paths = {path for _, path in told}
            if not all(map(self._is_own, paths)):
                # A deleted folder is no longer watched, even if another one reuses its name and inode.
                self._note(sound=self._paths.isdisjoint(paths))

    def _is_own(self, path: str) -> bool:
        return path in self._own_files or any(_is_within(path, folder) for folder in self._own_folders)

    def _note(self, sound: bool) -> None:
        with self._lock:
            self._last = time.monotonic()
            self._first = self._last if self._first is None else self._first
            self._sound = self._sound and sound
