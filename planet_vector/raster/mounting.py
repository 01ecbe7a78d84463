"""Mount remote files in GDAL: a name that never expires, contains no signature, and is read through Python.

GDAL lets programs add file systems (``VSIInstallPluginHandler``). A file opened in this one is read through Python in
every operation of GDAL (a warp, a copy, a checksum), so reading continues if its address has to be renewed meanwhile.
The functions are called in the library that rasterio has loaded, as in `planet_vector.raster.path_options`. A callback
that GDAL makes while rasterio holds Python's lock runs in the thread that holds it.
"""

from __future__ import annotations

import _thread
import ctypes
import itertools
import threading
import uuid
from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple

from planet_vector.errors import RasterAccessError
from planet_vector.forking import renew_after_fork
from planet_vector.raster.error_messages import reason
from planet_vector.raster.path_options import library_of

_pointer, _text, _size, _offset, _int = (
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_int,
)  # fmt: skip
_FILE = "product.tif"
_FAILURE, _APPLICATION = 3, 1  # CE_Failure, CPLE_AppDefined of cpl_error.h

# Members of VSIFilesystemPluginCallbacksStruct in cpl_vsi.h, since GDAL 3.0; later members keep GDAL's defaults.
_CALLBACKS: Tuple[Tuple[str, Any], ...] = (
    ("user_data", None),
    ("stat", ctypes.CFUNCTYPE(_int, _pointer, _text, _pointer, _int)),
    *((name, None) for name in ("unlink", "rename", "mkdir", "rmdir", "read_dir")),
    ("open", ctypes.CFUNCTYPE(_pointer, _pointer, _text, _text)),
    ("tell", ctypes.CFUNCTYPE(_offset, _pointer)),
    ("seek", ctypes.CFUNCTYPE(_int, _pointer, _offset, _int)),
    ("read", ctypes.CFUNCTYPE(_size, _pointer, _pointer, _size, _size)),
    ("read_multi_range", ctypes.CFUNCTYPE(_int, _pointer, _int, ctypes.POINTER(_pointer),
                                          ctypes.POINTER(_offset), ctypes.POINTER(_size))),
    ("get_range_status", None),
    ("eof", ctypes.CFUNCTYPE(_int, _pointer)),
    *((name, None) for name in ("write", "flush", "truncate")),
    ("close", ctypes.CFUNCTYPE(_int, _pointer)),
)  # fmt: skip


class MountedFile(Protocol):
    """Protocol of files that are read through Python."""

    @property
    def size(self) -> int:
        """Size of the file in bytes."""

    def read(self, ranges: Sequence[Tuple[int, int]]) -> List[bytes]:
        """Return byte ranges, given as offsets and lengths; shorter at the end of the file.

        Parameters
        ----------
        ranges : sequence of (int, int)
            Offsets and lengths.
        """

    def read_around(self, offset: int, length: int) -> Tuple[int, bytes]:
        """Return a byte range together with bytes around it that cost nothing more.

        GDAL reads headers by some hundred reads of a few bytes; the bytes around the last one serve most of them.

        Parameters
        ----------
        offset, length : int
            The range.

        Returns
        -------
        (int, bytes)
            Offset and bytes, which contain the range; shorter at the end of the file.
        """

    def knows_better(self, ranges: Sequence[Tuple[int, int]]) -> bool:
        """Return whether GDAL should rather read byte ranges one by one.

        Parameters
        ----------
        ranges : sequence of (int, int)
            Offsets and lengths.
        """

    def fail(self, error: BaseException) -> None:
        """Keep the error of a read, for the caller of GDAL.

        Parameters
        ----------
        error : BaseException
            The error.
        """


class _Struct(ctypes.Structure):
    _fields_ = [(name, _pointer) for name, _ in _CALLBACKS]


class _Handle:
    """Position of one reader of a file, and the bytes around its last read."""

    def __init__(self, file: MountedFile) -> None:
        self.file, self.position, self.ended = file, 0, False
        self.first, self.held = 0, b""


_prefix = f"/vsiplanet_vector_{uuid.uuid4().hex}/"  # unique, as the process may contain another copy of this package
_lock = threading.Lock()
_installed: Optional[bool] = None
_byte = ctypes.create_string_buffer(1)
_files: Dict[str, MountedFile] = {}
_handles: Dict[int, _Handle] = {}
_numbers = itertools.count(1)
_gdal: ctypes.CDLL


def can_mount() -> bool:
    """Return whether rasterio's GDAL accepts file systems of programs."""
    global _installed
    with _lock:
        if _installed is None:
            try:
                _install(library_of("rasterio"))
            except (RasterAccessError, AttributeError):
                _installed = False
            else:
                _installed = True
        return _installed


def mount(file: MountedFile) -> str:
    """Return a GDAL name of a file, valid until `unmount`; datasets opened before stay open.

    Parameters
    ----------
    file : MountedFile
        The file.

    Returns
    -------
    str
        A name in this file system.
    """
    token = uuid.uuid4().hex
    _files[token] = file
    return f"{_prefix}{token}/{_FILE}"


def unmount(name: str) -> None:
    """Remove the name of a file.

    Parameters
    ----------
    name : str
        As `mount` returned it.
    """
    _files.pop(name.split("/")[-2], None)


def forget_errors() -> None:
    """Clear GDAL's last error of this thread, which rasterio would attribute to the next read."""
    if _installed:
        _gdal.CPLErrorReset()


def _install(gdal: ctypes.CDLL) -> None:
    global _gdal
    gdal.VSIAllocFilesystemPluginCallbacksStruct.restype = ctypes.POINTER(_Struct)
    gdal.VSIFreeFilesystemPluginCallbacksStruct.argtypes = [_pointer]
    gdal.VSIInstallPluginHandler.argtypes = [_text, _pointer]
    # The function is variadic like printf; without further arguments its calling convention is the usual one.
    gdal.CPLError.argtypes, gdal.CPLError.restype = [_int, _int, _text], None
    gdal.CPLErrorReset.argtypes, gdal.CPLErrorReset.restype = [], None
    _gdal = gdal
    gdal.VSIFileFromMemBuffer.argtypes = [_text, _pointer, _offset, _int]
    gdal.VSIFileFromMemBuffer.restype = _pointer
    gdal.VSIFCloseL.argtypes = [_pointer]
    gdal.VSIStatExL.argtypes = [_text, _pointer, _int]
    gdal.VSIUnlink.argtypes = [_text]
    struct = gdal.VSIAllocFilesystemPluginCallbacksStruct()
    for name, kind in _CALLBACKS:
        if kind is not None:
            callback = kind(globals()[f"_{name}"])
            _keep_for_good(callback)
            setattr(struct.contents, name, ctypes.cast(callback, _pointer))
    prefix = ctypes.create_string_buffer(_prefix.encode())
    _keep_for_good(prefix)
    failed = gdal.VSIInstallPluginHandler(prefix, struct)
    gdal.VSIFreeFilesystemPluginCallbacksStruct(struct)
    if failed:
        raise RasterAccessError("GDAL does not accept file systems of programs.")


def _keep_for_good(thing: Any) -> None:
    """Keep an object that GDAL points to: GDAL closes files while Python is shutting down."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _failed(file: MountedFile, error: BaseException) -> None:
    """Pass an error to GDAL, through which no exception can propagate."""
    file.fail(error)
    if isinstance(error, KeyboardInterrupt):
        _thread.interrupt_main()  # raised once GDAL has returned
    _gdal.CPLError(_FAILURE, _APPLICATION, reason(error).replace("%", "%%").encode())


def _named(name: bytes) -> Optional[MountedFile]:
    folder, _, file = name.decode(errors="replace").rpartition("/")
    return _files.get(folder.rpartition("/")[2]) if file == _FILE else None


def _stat(_: Any, name: bytes, buffer: int, flags: int) -> int:
    file = _named(name)
    if file is None:
        return -1
    try:
        size = file.size
    except BaseException as error:
        _failed(file, error)
        return -1
    # The struct differs between systems: GDAL fills it, for a file in memory whose bytes are never read.
    memory = f"/vsimem/planet_vector_{uuid.uuid4().hex}".encode()
    _gdal.VSIFCloseL(_gdal.VSIFileFromMemBuffer(memory, ctypes.addressof(_byte), size, 0))
    found: int = _gdal.VSIStatExL(memory, buffer, flags)
    _gdal.VSIUnlink(memory)
    return found


def _open(_: Any, name: bytes, access: bytes) -> Optional[int]:
    file = _named(name)
    if file is None or not access.startswith(b"r") or b"+" in access:
        return None
    number = next(_numbers)
    _handles[number] = _Handle(file)
    return number


def _tell(number: int) -> int:
    return _handles[number].position


def _seek(number: int, offset: int, whence: int) -> int:
    handle = _handles[number]
    handle.ended = False
    try:
        base = 0 if whence == 0 else handle.position if whence == 1 else handle.file.size
    except BaseException as error:
        _failed(handle.file, error)
        return -1
    handle.position = (base + offset) % 2**64
    return 0


def _read(number: int, buffer: int, size: int, count: int) -> int:
    handle, length = _handles[number], size * count
    if not length:
        return 0
    at = handle.position - handle.first
    if at < 0 or at + length > len(handle.held):
        try:
            handle.first, handle.held = handle.file.read_around(handle.position, length)
        except BaseException as error:
            _failed(handle.file, error)
            return 0
        at = handle.position - handle.first
    found = handle.held[at : at + length]
    ctypes.memmove(buffer, found, len(found))
    handle.position += len(found)
    handle.ended = len(found) < length
    return len(found) // size


def _read_multi_range(number: int, count: int, buffers: Any, offsets: Any, sizes: Any) -> int:
    handle = _handles[number]
    try:
        wanted = [(offsets[index], sizes[index]) for index in range(count)]
        if handle.file.knows_better(wanted):
            return -1  # GDAL then reads block by block
        pieces = handle.file.read(wanted)
    except BaseException as error:
        _failed(handle.file, error)
        return -1
    for index, piece in enumerate(pieces):
        ctypes.memmove(buffers[index], piece, len(piece))
    return 0 if all(len(piece) == length for piece, (_, length) in zip(pieces, wanted)) else -1


def _eof(number: int) -> int:
    return int(_handles[number].ended)


def _close(number: int, handles: Dict[int, _Handle] = _handles) -> int:
    # A default argument, as module names are gone when the last files are closed.
    handles.pop(number, None)
    return 0


@renew_after_fork
def _renew() -> None:
    global _lock
    _lock = threading.Lock()
