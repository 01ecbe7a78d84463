"""Run functions in processes of their own, each with bounded time and memory.

GDAL and GEOS cannot be interrupted from Python, and a hostile file or outline can make them work for minutes, take
gigabytes or crash. So such work is done where it can be killed. The processes are plain ones that read calls from
their standard input and write results to their standard output, both pickled; they end when their input does, so
none outlives its parent, however that ends.

GDAL is set up in them to open nothing beside the file it is asked for (see `GDAL_OPTIONS`).
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, List, Optional, Tuple, TypeVar

from planet_vector.server.patience import Patience

T = TypeVar("T")

GDAL_OPTIONS = {
    # No file beside the one that is opened: an .ovr or .aux.xml may be a VRT, which reads any file of this machine.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_CACHEMAX": "64",  # MB of blocks; the default is a part of the machine's memory
    "GDAL_NUM_THREADS": "1",
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_PYTHON_DRIVER_PATH": "",
    "GDAL_CONFIG_FILE": "",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "OPENBLAS_NUM_THREADS": "1",  # each thread takes address space, which is bounded
    "OMP_NUM_THREADS": "1",
}
NICE = 5  # the process that answers requests goes first
_HEADER = 8  # bytes of the length before a message


class JobError(Exception):
    """Raised if a job gave no result. The message goes on after a subject: "took longer than 10 s"."""


class TookTooLong(JobError):
    """Raised if a job was ended because its time was used up."""


class TookTooMuch(JobError):
    """Raised if a job needed more memory than it may have, or its process ended by itself."""


class Jobs:
    """Pool of a few processes that run functions; they are started when they are needed.

    Parameters
    ----------
    processes : int
        How many there may be at once.
    seconds : float
        Time that one call may take; then its process is killed.
    megabytes : int
        Memory that a process may take beyond what it has after its start (10^6 bytes; where the platform can bound
        the address space, which is Linux).
    niceness : int
        By how much the processes let others go first, as ``nice`` does it (where the platform has that).
    """

    def __init__(self, processes: int, *, seconds: float, megabytes: int, niceness: int = NICE) -> None:
        self._seconds = seconds
        self._megabytes = megabytes
        self._niceness = niceness
        self._idle: queue.LifoQueue[Optional[_Process]] = queue.LifoQueue()
        self._closed = False
        self._started: List[_Process] = []
        for _ in range(processes):
            self._idle.put(None)

    def run(self, function: Callable[..., T], *args: Any, patience: Optional[Patience] = None) -> T:
        """Call a function in one of the processes, and return what it returns.

        Parameters
        ----------
        function : callable
            A function at the top of a module.
        *args
            Its arguments; they, what it returns and what it raises must be such that they can be pickled.
        patience : Patience, optional
            When the client leaves, the process is killed.

        Raises
        ------
        TookTooLong, TookTooMuch
            When the process had to be ended, or ended by itself.
        ClientGone
            When the client has left.
        """
        process = self._borrow(patience)
        try:
            if process is None or not process.alive:
                process = self._start()
            return self._call(process, function, args, patience)
        finally:
            if process is not None and not process.alive:
                with contextlib.suppress(ValueError):
                    self._started.remove(process)
                process.end()
                process = None
            self._idle.put(process)

    def submit(self, function: Callable[..., T], *args: Any) -> concurrent.futures.Future[T]:
        """Call a function in one of the processes, and return where its result will be."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def work() -> None:
            try:
                future.set_result(self.run(function, *args))
            except BaseException as error:  # whoever takes the result gets it
                future.set_exception(error)

        threading.Thread(target=work, name="job", daemon=True).start()
        return future

    def close(self) -> None:
        """End all processes; calls under way raise TookTooMuch."""
        self._closed = True
        for process in list(self._started):
            process.kill()
        for process in list(self._started):
            process.end()

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _borrow(self, patience: Optional[Patience]) -> Optional[_Process]:
        while True:
            if self._closed:
                raise JobError("cannot be done: the processes for it are closed")
            if patience is not None:
                patience.check()
            with contextlib.suppress(queue.Empty):
                return self._idle.get(timeout=0.05)

    def _start(self) -> _Process:
        process = _Process(self._megabytes, self._niceness)
        self._started.append(process)
        if self._closed:  # meanwhile: `close` may have missed it
            process.kill()
        return process

    def _call(
        self, process: _Process, function: Callable[..., T], args: Tuple[Any, ...], patience: Optional[Patience]
    ) -> T:
        late = threading.Event()
        lock = threading.Lock()
        done = False

        def end() -> None:
            with lock:  # a process that has answered belongs to the next call
                if not done:
                    process.kill()

        def end_late() -> None:
            late.set()
            end()

        timer = threading.Timer(self._seconds, end_late)
        timer.daemon = True
        with contextlib.nullcontext() if patience is None else patience.on_leave(end):
            timer.start()
            try:
                answer = process.ask((function, args))
            finally:
                with lock:
                    done = True
                timer.cancel()
        if answer is None:
            if patience is not None:
                patience.check()
            if late.is_set():
                raise TookTooLong(f"took longer than {self._seconds:g} s")
            raise TookTooMuch("ended the process that worked on it, or needs too much memory")
        good, value = answer
        if good:
            return value  # type: ignore[no-any-return]
        if isinstance(value, MemoryError):
            process.end()  # what is left of it may be in pieces
            raise TookTooMuch(f"needs more than {self._megabytes} MB of memory")
        raise value


class _Process:
    """One process that calls functions."""

    def __init__(self, megabytes: int, niceness: int) -> None:
        environment = {**os.environ, **GDAL_OPTIONS}
        # A package of a checkout is found there too: what is imported here is imported from the same places.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main({megabytes}, {niceness})"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, call: Any) -> Optional[Tuple[bool, Any]]:
        """Return whether a call was good, and what it returned or raised; None when the process has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            _write(self._process.stdin, call)
            content = _read(self._process.stdout)
        except OSError:
            content = None
        if content is None:
            self.end()
            return None
        answer: Tuple[bool, Any] = pickle.loads(content)  # noqa: S301 - of a process of our own
        return answer

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer finds it gone."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def end(self) -> None:
        """Kill the process and forget it."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def main(megabytes: int, niceness: int) -> None:
    """Call what standard input says until it ends: the whole life of a process.

    Parameters
    ----------
    megabytes : int
        Memory that it may take beyond what it has when it begins.
    niceness : int
        By how much it lets others go first.
    """
    import signal

    # Ctrl-C goes to all processes of a terminal: whether this one ends is its parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(niceness)
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed is no result
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, calls), daemon=True).start()
    while True:
        good = True
        try:
            function, args = pickle.loads(calls.get())  # noqa: S301 - of the parent
            _bound_memory(megabytes)
            value = function(*args)
        except BaseException as error:  # the parent raises it
            good, value = False, error
        try:
            content = pickle.dumps((good, value))
            pickle.loads(content)  # noqa: S301 - many an exception can be pickled, and not be read again
        except Exception:
            text = " ".join(str(value).split())[:200] if isinstance(value, BaseException) else "its result"
            content = pickle.dumps((False, JobError(f"failed ({type(value).__name__}: {text})")))
        _write_bytes(results, content)


def _listen(stream: BinaryIO, calls: queue.SimpleQueue[bytes]) -> None:
    """Take in calls while others are worked on, so that the end of the parent is seen at once."""
    while True:
        content = _read(stream)
        if content is None:
            os._exit(0)
        calls.put(content)


_bounded: Dict[str, bool] = {}


def _bound_memory(megabytes: int) -> None:
    """Bound the address space, once the modules of the first call are there."""
    statistics = Path("/proc/self/statm")
    if _bounded or not statistics.exists():
        return
    import resource

    pages = int(statistics.read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 10**6
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    _bounded["done"] = True


def _write(stream: Any, value: Any) -> None:
    _write_bytes(stream, pickle.dumps(value))


def _write_bytes(stream: Any, content: bytes) -> None:
    stream.write(len(content).to_bytes(_HEADER, "little") + content)
    stream.flush()


def _read(stream: Any) -> Optional[bytes]:
    """Return the next message, or None at the end."""
    header = stream.read(_HEADER)
    if len(header) < _HEADER:
        return None
    size = int.from_bytes(header, "little")
    content: bytes = stream.read(size)
    return content if len(content) == size else None
