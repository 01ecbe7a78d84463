"""Pool of worker processes that run functions with bounded time and memory.

GDAL and GEOS cannot be interrupted from Python, and a hostile file or outline can keep them busy for minutes, use
gigabytes or crash them. Such work therefore runs in processes that can be killed. A process reads pickled calls from
standard input and writes pickled results to standard output. It exits when its input ends, so that none outlives its
parent, even if the parent is killed.

GDAL is configured to open no file but the requested one (see `GDAL_OPTIONS`).
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
    # Open no sidecar files: an .ovr or .aux.xml may be a VRT, which can read any file of this machine.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_CACHEMAX": "64",  # MB of blocks; the default is a share of the machine's memory
    "GDAL_NUM_THREADS": "1",
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_PYTHON_DRIVER_PATH": "",
    "GDAL_CONFIG_FILE": "",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "OPENBLAS_NUM_THREADS": "1",  # each thread uses address space, which is limited
    "OMP_NUM_THREADS": "1",
}
NICE = 5  # lower priority than the process that answers requests
_HEADER = 8  # bytes of the length before a message


class JobError(Exception):
    """Raised if a job gave no result. The message is a predicate without its subject: "took longer than 10 s"."""


class TookTooLong(JobError):
    """Raised if a job exceeded its time limit and was killed."""


class TookTooMuch(JobError):
    """Raised if a job exceeded its memory limit, or its process crashed."""


class Jobs:
    """Pool of processes that run functions; processes are started on demand.

    Parameters
    ----------
    processes : int
        Maximum number of processes.
    seconds : float
        Time limit of one call; its process is killed after that.
    megabytes : int
        Memory limit of a process beyond its use after the start, in units of 10^6 bytes. It limits the address space,
        on Linux only.
    niceness : int
        Increment of the niceness of the processes, where the platform has ``nice``.
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
        """Call a function in one of the processes, and return its result.

        An exception of the function is raised here.

        Parameters
        ----------
        function : callable
            Function at the top level of a module.
        *args
            Its arguments. Arguments, result and exceptions must be picklable.
        patience : Patience, optional
            The process is killed when its client disconnects.

        Returns
        -------
        object
            Result of the function.

        Raises
        ------
        TookTooLong
            If the call exceeded the time limit.
        TookTooMuch
            If the call exceeded the memory limit, or its process crashed.
        JobError
            If the pool is closed, or the result or exception cannot be pickled.
        ClientGone
            If the client has disconnected.
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
        """Call a function in one of the processes, without waiting for it.

        Parameters
        ----------
        function : callable
            Function at the top level of a module.
        *args
            Its arguments, as for `run`.

        Returns
        -------
        concurrent.futures.Future
            Future of the result, with the exceptions of `run`.
        """
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def work() -> None:
            try:
                future.set_result(self.run(function, *args))
            except BaseException as error:  # raised by `Future.result`
                future.set_exception(error)

        threading.Thread(target=work, name="job", daemon=True).start()
        return future

    def close(self) -> None:
        """Kill all processes; calls under way raise TookTooMuch."""
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
        if self._closed:  # `close` may have run meanwhile and missed this process
            process.kill()
        return process

    def _call(
        self, process: _Process, function: Callable[..., T], args: Tuple[Any, ...], patience: Optional[Patience]
    ) -> T:
        late = threading.Event()
        lock = threading.Lock()
        done = False

        def end() -> None:
            with lock:  # a process that has answered may already run the next call
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
            process.end()  # its state may be inconsistent
            raise TookTooMuch(f"needs more than {self._megabytes} MB of memory")
        raise value


class _Process:
    """One process that calls functions."""

    def __init__(self, megabytes: int, niceness: int) -> None:
        environment = {**os.environ, **GDAL_OPTIONS}
        # Use the parent's module paths, so that a package of a checkout is found, too.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main({megabytes}, {niceness})"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, call: Any) -> Optional[Tuple[bool, Any]]:
        """Run a call; return (whether it succeeded, its result or exception), or None if the process has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            _write(self._process.stdin, call)
            content = _read(self._process.stdout)
        except OSError:
            content = None
        if content is None:
            self.end()
            return None
        answer: Tuple[bool, Any] = pickle.loads(content)  # noqa: S301 - from our own process
        return answer

    def kill(self) -> None:
        """Kill the process; an `ask` under way returns None."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def end(self) -> None:
        """Kill the process, wait for its end and close its pipes."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def main(megabytes: int, niceness: int) -> None:
    """Run the calls read from standard input until it ends: the main function of a worker process.

    Parameters
    ----------
    megabytes : int
        Memory limit beyond the use after the first imports, in units of 10^6 bytes.
    niceness : int
        Increment of the niceness.
    """
    import signal

    # Ctrl-C goes to all processes of a terminal; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(niceness)
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # printed text must not mix with results
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, calls), daemon=True).start()
    while True:
        good = True
        try:
            function, args = pickle.loads(calls.get())  # noqa: S301 - from the parent
            _bound_memory(megabytes)
            value = function(*args)
        except BaseException as error:  # the parent raises it
            good, value = False, error
        try:
            content = pickle.dumps((good, value))
            pickle.loads(content)  # noqa: S301 - some exceptions can be pickled but not unpickled
        except Exception:
            text = " ".join(str(value).split())[:200] if isinstance(value, BaseException) else "its result"
            content = pickle.dumps((False, JobError(f"failed ({type(value).__name__}: {text})")))
        _write_bytes(results, content)


def _listen(stream: BinaryIO, calls: queue.SimpleQueue[bytes]) -> None:
    """Read calls in a thread of its own, so that the end of the parent is noticed during a call."""
    while True:
        content = _read(stream)
        if content is None:
            os._exit(0)
        calls.put(content)


_bounded: Dict[str, bool] = {}


def _bound_memory(megabytes: int) -> None:
    """Limit the address space, once, after the first call has imported its modules."""
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
    """Return the next message, or None at the end of the stream."""
    header = stream.read(_HEADER)
    if len(header) < _HEADER:
        return None
    size = int.from_bytes(header, "little")
    content: bytes = stream.read(size)
    return content if len(content) == size else None
