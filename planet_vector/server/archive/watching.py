"""Know when an archive may have changed, where the file system tells: then it is not looked through to find that out.

A watch is trusted where it is known to be complete: on Linux, where all of the archive lies on file systems of this
machine. Others (network, FUSE, …) say nothing of what is changed from elsewhere. Each folder is watched by itself, as
watching a tree would follow links out of the archive.
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
"""Seconds without a change after which files are thought to be written."""

LOCAL = frozenset(
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs hfsplus iso9660 jfs msdos nilfs2 ntfs3 overlay ramfs reiserfs "
    "squashfs tmpfs udf vfat xfs zfs".split()
)
"""Names of file systems, as proc(5) gives them, which nobody changes but this machine's kernel."""

_MOUNTS = Path("/proc/self/mountinfo")
_STEP = 0.25  # seconds between two looks at what the kernel has told
_TRIES = 3  # to watch folders while others come and go
_AGAIN = 600.0  # seconds after which a watch that the system has refused is asked for once more
_ADVICE = "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances (sysctl)"

_CHANGED = (FileNotFoundError, NotADirectoryError, PermissionError)
"""What is raised for a folder that has gone, or has been closed."""

Folders = Dict[str, Tuple[int, int]]
"""Paths, each with the device and number of its folder."""


class NotWatchable(Exception):
    """Raised if an archive cannot be watched, or a watch would not report everything."""


class Refused(Exception):
    """Raised if the system does not watch as much as that."""


class Mount(NamedTuple):
    """Mounted file system."""

    number: str
    place: str
    kind: str


class Watching:
    """Watch of an archive, as far as it can be watched.

    Parameters
    ----------
    root : Path
        The archive.
    index : Path
        Its index, which the service writes itself: should it lie in the archive, that is no change.
    """

    def __init__(self, root: Path, index: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._index = os.path.realpath(index)
        self._watch: Optional[_Watch] = None
        self._folders: Folders = {}
        self._mounts: Tuple[Mount, ...] = ()
        self._refused: Optional[float] = None  # when

    @property
    def trusted(self) -> bool:
        """Whether all that changes in the archive is told, from the end of `renew` on."""
        return self._watch is not None

    def renew(self) -> None:
        """Begin anew, with the folders that are there now: what changes from here on is told by `is_due`.

        Raises
        ------
        NotWatchable, Refused
            If the archive is not watched from here on.
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
        """Watch other folders; the watch before ends when the new one tells everything."""
        for _ in range(_TRIES):
            try:
                watch = _Watch(folders, self._index)
            except _CHANGED:
                folders = find_folders(self._root)
                continue
            # What came before the watch was told by nobody: there must be nothing.
            again = find_folders(self._root)
            if again == folders:
                self.close()
                self._watch, self._folders = watch, folders
                return
            watch.close()
            folders = again
        raise NotWatchable("its folders come and go")

    def is_due(self, most: float) -> bool:
        """Tell whether something has changed, and is written now.

        Parameters
        ----------
        most : float
            Seconds after which something that is being written counts, too.
        """
        return self._watch is not None and self._watch.is_due(most)

    def has_moved(self) -> bool:
        """Tell whether the archive lies elsewhere than `renew` found it: another folder, or mounted anew."""
        try:
            status = os.stat(self._root)
            there = (status.st_dev, status.st_ino) == self._folders.get(str(self._root))
            return not there or find_mounts(self._root) != self._mounts
        except (OSError, NotWatchable):
            return True

    def close(self) -> None:
        """Watch no more."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def find_folders(root: Path) -> Folders:
    """Return the folders of an archive that are looked through, as `planet_vector.server.archive.inventory.scan` does.

    Raises
    ------
    NotWatchable
        If a file is served whose folder is none of them, or a name cannot be watched.
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
            # It has gone; or nobody may read it, until its mode changes, which the folder around it tells.
            found.pop(folder, None)
        except OSError as error:
            raise NotWatchable(f"{folder} cannot be read ({error.strerror})") from None
    # A link may lead to a file of a folder that is hidden.
    hidden = {target for target in targets if target.startswith(str(root) + os.sep)} - found.keys()
    if hidden:
        raise NotWatchable(f"links lead to files in {min(hidden)}")
    return found


def find_mounts(root: Path) -> Tuple[Mount, ...]:
    """Return the file systems that an archive lies on.

    Raises
    ------
    NotWatchable
        If they are not known, or one of them may be changed by another machine.
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
    # Of two at one place, the last is seen.
    deepest = max(reversed(around), key=lambda mount: len(mount.place))
    found = (deepest, *(mount for mount in mounts if mount.place != place and _is_within(mount.place, place)))
    strange = [mount for mount in found if mount.kind not in LOCAL]
    if strange:
        raise NotWatchable(f"{strange[0].place} is of the type {strange[0].kind}")
    return found


def parse_mounts(text: str) -> List[Mount]:
    """Return what ``/proc/self/mountinfo`` lists, in its form of proc(5)."""
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
    """Watch of folders, in a thread of its own, until it is closed."""

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
            # What follows are names of folders, and the error once more as Rust writes it.
            reason = " ".join(str(error).partition(" about [")[0].split())[:300].rstrip(".")
            raise Refused(f"{reason}; {_ADVICE}") from None
        self._lock = threading.Lock()
        self._first: Optional[float] = None  # change that was told since `take`
        self._last = 0.0
        self._sound = True
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="watch", daemon=True)
        self._thread.start()

    def take(self) -> bool:
        """Forget what was told, and tell whether all of it was; if not, it takes another watch."""
        with self._lock:
            self._first = None
            return self._sound

    def is_due(self, most: float) -> bool:
        """Tell whether there was a change, and then nothing for a while; or changes for as long as `most`."""
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
                # Without a timeout: what comes in the moment it ends would be lost.
                told = self._notify.watch(0, int(1000 * _STEP), 0, self._closed)
            except BaseException:  # names that are no UTF-8, of files that nobody serves; it tells nothing from here on
                self._note(sound=False)
                return
            if isinstance(told, str):
                return
            paths = {path for _, path in told}
            if not all(map(self._is_own, paths)):
                # A folder that has gone is no longer watched, even if another has its name and number.
                self._note(sound=self._paths.isdisjoint(paths))

    def _is_own(self, path: str) -> bool:
        return path in self._own_files or any(_is_within(path, folder) for folder in self._own_folders)

    def _note(self, sound: bool) -> None:
        with self._lock:
            self._last = time.monotonic()
            self._first = self._last if self._first is None else self._first
            self._sound = self._sound and sound
