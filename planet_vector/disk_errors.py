"""Errors of disks that cannot store a file: which these are, and what to do about each."""

from __future__ import annotations

import errno
from typing import Mapping, Optional

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # a quota, too; Windows has no number for it
_REMEDIES: Mapping[int, str] = {
    **dict.fromkeys(_FULL, "make room on its disk"),
    errno.EFBIG: "raise the limit on the size of files",  # of the user (ulimit -f), or of the file system
    errno.EIO: "check its disk",
    errno.EROFS: "make its disk writable",  # it is mounted read-only
}


def is_disk_error(error: OSError) -> bool:
    """Return whether a disk cannot store a file: full, over a quota or a size limit, I/O error, read-only.

    Parameters
    ----------
    error : OSError
        The error.
    """
    return error.errno in _REMEDIES


def is_full(error: Exception) -> bool:
    """Return whether an error of the system or of SQLite means a full disk or an exceeded quota.

    Parameters
    ----------
    error : Exception
        The error.
    """
    return error.errno in _FULL if isinstance(error, OSError) else "disk is full" in str(error)


def disk_remedy(error: Exception) -> Optional[str]:
    """Return what to do about a disk that cannot store a file, as the end of a sentence; None for other errors.

    Parameters
    ----------
    error : Exception
        An error of the system or of SQLite.
    """
    if is_full(error):
        return _REMEDIES[errno.ENOSPC]
    return _REMEDIES.get(error.errno or 0) if isinstance(error, OSError) else None
