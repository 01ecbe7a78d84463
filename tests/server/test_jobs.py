"""Work in processes that can be killed: bounded in time and memory, ended with the client and with the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from planet_vector.server.http_errors import HttpError
from planet_vector.server.jobs import JobError, Jobs, TookTooLong, TookTooMuch
from planet_vector.server.patience import ClientGone, Patience


def double(value: Any) -> Any:
    return value * 2


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def take(megabytes: int) -> int:
    return len(bytearray(megabytes * 10**6))


def die() -> None:
    os._exit(3)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse() -> None:
    raise HttpError(418, "No coffee.", {"X-Pot": "tea"})


class Odd(Exception):
    """Be an exception that is pickled, but not read again."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__("odd")


def be_odd() -> None:
    raise Odd(1, 2)


def talk() -> str:
    print("this is no result")
    os.write(1, b"nor is this")
    return "said"


def number() -> int:
    return os.getpid()


def opened_beside(path: str) -> List[str]:
    import rasterio

    with rasterio.open(path) as dataset:
        return list(dataset.files)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    with Jobs(2, seconds=10, megabytes=300) as found:
        yield found


def gone(process: int) -> bool:
    """Return whether a process is no more, within some seconds."""
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{process}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_result_comes_back(jobs: Jobs) -> None:
    assert jobs.run(double, [1, "b"]) == [1, "b", 1, "b"]
    assert jobs.run(number) != os.getpid()
    assert jobs.run(talk) == "said"
    large = os.urandom(5_000_000)
    assert jobs.run(double, large) == large * 2


def test_errors_come_back_as_they_are(jobs: Jobs) -> None:
    with pytest.raises(HttpError) as error:
        jobs.run(refuse)
    assert (error.value.status, error.value.message, error.value.headers) == (418, "No coffee.", {"X-Pot": "tea"})
    with pytest.raises(ZeroDivisionError):
        jobs.run(divmod, 1, 0)
    with pytest.raises(JobError, match="failed .Odd: odd"):
        jobs.run(be_odd)


def test_time_is_bounded() -> None:
    with Jobs(1, seconds=5, megabytes=300) as one:  # the start of a process counts, too
        start = time.monotonic()
        with pytest.raises(TookTooLong, match="took longer than 5 s"):
            one.run(sleep, 60)
        assert time.monotonic() - start < 25
        assert one.run(double, 4) == 8, "the next call has a process again"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the address space can be bounded on Linux")
def test_memory_is_bounded(jobs: Jobs) -> None:
    assert jobs.run(take, 100) == 100 * 10**6
    with pytest.raises(TookTooMuch, match="needs more than 300 MB"):
        jobs.run(take, 2000)
    assert jobs.run(double, 4) == 8


@pytest.mark.parametrize("end", [die, crash])
def test_a_process_that_ends_is_an_error_and_replaced(jobs: Jobs, end: Any) -> None:
    with pytest.raises(TookTooMuch, match="ended the process"):
        jobs.run(end)
    assert jobs.run(double, 4) == 8


def test_work_ends_with_its_client() -> None:
    with Jobs(1, seconds=60, megabytes=300) as one:
        process = one.run(number)
        patience = Patience(60)
        threading.Timer(0.3, patience.leave).start()
        start = time.monotonic()
        with pytest.raises(ClientGone):
            one.run(sleep, 50, patience=patience)
        assert time.monotonic() - start < 10
        assert gone(process)
        with pytest.raises(ClientGone):
            one.run(double, 1, patience=patience)
        assert one.run(double, 4) == 8


def test_who_waits_in_vain_is_told() -> None:
    with Jobs(1, seconds=60, megabytes=300) as one:
        busy = one.submit(sleep, 50)
        time.sleep(0.3)
        with pytest.raises(HttpError) as error:
            one.run(double, 1, patience=Patience(0.5))
        assert error.value.status == 503
    with pytest.raises(JobError):
        busy.result(10)


def test_processes_end_when_they_are_closed() -> None:
    with Jobs(2, seconds=60, megabytes=300) as two:
        processes = {two.submit(number).result(20) for _ in range(4)}
        busy = two.submit(sleep, 50)
        time.sleep(0.3)
    assert all(map(gone, processes))
    with pytest.raises(JobError):
        busy.result(10)
    with pytest.raises(JobError, match="closed"):
        two.run(number)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("busy", [False, True])
def test_processes_end_with_a_parent_that_is_killed(busy: bool) -> None:
    program = (
        "import time; from planet_vector.server.jobs import Jobs; from tests.server.test_jobs import number, sleep\n"
        "jobs = Jobs(1, seconds=600, megabytes=300); print(jobs.run(number), flush=True)\n"
        + ("jobs.run(sleep, 500)" if busy else "time.sleep(500)")
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    process = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(process)


@pytest.mark.skipif(not hasattr(os, "nice"), reason="only POSIX has priorities of this kind")
def test_what_nobody_waits_for_lets_others_go_first() -> None:
    mine = os.nice(0)
    with Jobs(1, seconds=30, megabytes=500, niceness=9) as jobs:
        assert jobs.run(os.nice, 0) == min(mine + 9, 19)


def test_gdal_opens_nothing_beside_a_file(jobs: Jobs, tmp_path: Path) -> None:
    from .conftest import write_raster

    write_raster(tmp_path / "a.tif")
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset><Metadata><MDI key='a'>b</MDI></Metadata></PAMDataset>")
    write_raster(tmp_path / "a.tif.ovr", size=30)
    assert jobs.run(opened_beside, str(tmp_path / "a.tif")) == [str(tmp_path / "a.tif")]
