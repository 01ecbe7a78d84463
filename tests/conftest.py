"""Fixtures of all tests: a clean environment, a sample archive, a real service over it.

No heavy imports here: the tests that run inside QGIS, in Debian's own Python, use the same file.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Generator, Iterator, List, Optional, Sequence

import pytest
import requests

from tests.faces import DATA_V1, FACES, V0, Face

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
# fiona has no wheel for Python 3.14; tests that need it are skipped there.
HAS_FIONA = importlib.util.find_spec("fiona") is not None
needs_fiona = pytest.mark.skipif(not HAS_FIONA, reason="fiona is not installed")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
FAILED = os.environ.get("FAILED")  # a file that collects failures, to be printed after several runs
_LAST_LINES = 12
KEY = "5e1f0c0de5e1f0c0de5e1f0c0de5e1f0"
QGIS_PYTHON = ROOT / ".venv-qgis" / "bin" / "python"
# The service runs in the environment with its libraries, whichever Python runs the tests.
SERVICE_PYTHON = sys.executable if importlib.util.find_spec("fastapi") else str(ROOT / ".venv" / "bin" / "python")

_WIPED = re.compile(r"(?:GDAL|CPL|OGR|VSI|PL|PLANET|XDG)_.*|\w+_proxy|NETRC|PYTHONPATH", re.IGNORECASE)

_BUILDS = """
import importlib, importlib.util
for name, version in (("osgeo.gdal", "__version__"), ("fiona", "__gdal_version__"), ("rasterio", "__gdal_version__"),
                      ("pyogrio", "__gdal_version_string__"), ("qgis.core", "")):
    if importlib.util.find_spec(name.partition(".")[0]):
        module = importlib.import_module(name)
        if name == "qgis.core":
            print("QGIS", module.Qgis.version().partition("-")[0])
        else:
            print(name.partition(".")[0], getattr(module, version))
"""


# Shells make background processes ignore Ctrl-C, and the processes started here would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# ---- the report ------------------------------------------------------------------------------------------


def pytest_report_header() -> List[str]:
    """Print the version of each GDAL: they behave differently."""
    found = []
    for python, suffix in {sys.executable: "", str(QGIS_PYTHON): " of the system"}.items():
        if Path(python).exists():
            said = subprocess.run([python, "-c", _BUILDS], capture_output=True, text=True).stdout
            found += [line + suffix for line in said.splitlines()]
    if shutil.which("ogrinfo"):
        version = subprocess.run(["ogrinfo", "--version"], capture_output=True, text=True).stdout
        found.append("ogrinfo " + version.split(",")[0].replace("GDAL ", ""))
    return ["GDAL: " + ", ".join(dict.fromkeys(found))]


MATRIX: List[str] = []
"""Lines of the access matrix, one per build and case; filled by tests/raster."""

BORNE: List[str] = []
"""Lines of the fault matrix, one per fault and way of opening and reading; filled by tests/raster."""

ACTIVATIONS: List[Optional[int]] = []
"""Requests to activate an asset that each service counted, as it was stopped; None if a test made it unable to say."""


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect the results of a worker if the suite runs in several processes."""
    MATRIX.extend(getattr(node, "workeroutput", {}).get("matrix", []))
    BORNE.extend(getattr(node, "workeroutput", {}).get("borne", []))
    ACTIVATIONS.extend(getattr(node, "workeroutput", {}).get("activations", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Pass the results to the process that prints them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["matrix"] = MATRIX
        session.config.workeroutput["borne"] = BORNE
        session.config.workeroutput["activations"] = ACTIVATIONS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the access matrix (build and case, requests, bytes, where the key went), the fault matrix, activations."""
    if MATRIX:
        terminalreporter.section("access to products, by GDAL build and case")
        for line in sorted(MATRIX, key=lambda line: re.sub(r"\b(\d)\b", r"0\1", line)):
            terminalreporter.write_line(line)
    if BORNE:
        terminalreporter.section("reads through faults: equal, or an error")
        for line in sorted(set(BORNE)):
            terminalreporter.write_line(line)
    if ACTIVATIONS:
        told = [each for each in ACTIVATIONS if each is not None]
        terminalreporter.section("activations")
        terminalreporter.write_line(
            f"{len(told)} services counted {sum(told)} requests to activate an asset, which tests of activation made; "
            f"{len(ACTIVATIONS) - len(told)} could not answer at their end"
        )
    if FAILED and not hasattr(terminalreporter.config, "workeroutput"):
        with open(FAILED, "a", encoding="utf-8") as file:
            for kind in ("failed", "error"):
                for report in terminalreporter.stats.get(kind, []):
                    file.write(f"{report.nodeid}\n{_end_of(report.longreprtext)}\n")


def _end_of(text: str) -> str:
    """Return the last lines of a test's output, which contain the error."""
    return "\n".join(f"    {line[:200]}" for line in text.splitlines()[-_LAST_LINES:])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """Turn skips into failures in CI: everything is installed there, so a skip reveals a fault."""
    outcome = yield
    _no_skip(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, None]:
    outcome = yield
    _no_skip(outcome.get_result())


def _no_skip(report: Any) -> None:
    if IN_CI and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


# ---- the environment -------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    left = _children()
    assert not left, f"the suite leaves processes behind: {left}"


@pytest.fixture(scope="session", autouse=True)
def _nobodys_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove the user's settings, and put this environment's programs first in PATH."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if _WIPED.fullmatch(name)]:
            patch.delenv(name)
        _move_home(patch, tmp_path_factory)
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        yield


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty home directory, without settings left by earlier tests."""
    for name in [name for name in os.environ if _WIPED.fullmatch(name)]:
        monkeypatch.delenv(name)
    _move_home(monkeypatch, tmp_path_factory)


@pytest.fixture(scope="module", autouse=True)
def _connections_end_with_their_services() -> Iterator[None]:
    """Forget the catalogs of a module's services, which are cached as long as the process runs."""
    yield
    catalogs = sys.modules.get("planet_vector.catalog")
    if catalogs is not None:
        for catalog in catalogs._catalogs.values():
            catalog.transport.close()  # QGIS's urllib3 does not close the connections of a session that is collected
        catalogs._catalogs.clear()


def _move_home(patch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE", "APPDATA"):
        patch.setenv(name, str(home))


def _children() -> List[str]:
    """Return the command lines of this process's running children, where /proc exists."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            command = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # the process has ended
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.append(command)
    return found


# ---- the faces of the service ------------------------------------------------------------------------------


_OVER_BOTH = ("vector", "raster")
"""Folders whose tests run over both faces if they start a service."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of layers and rasters over v0, and over the Data API v1 in the long tier."""
    folder = Path(metafunc.definition.path).parent.name
    if folder not in _OVER_BOTH or "start_service" not in metafunc.fixturenames:
        return
    if any(mark.args[0] == "face" for mark in metafunc.definition.iter_markers("parametrize")):
        return
    both = [pytest.param(V0, id="v0"), pytest.param(DATA_V1, id="data_v1", marks=pytest.mark.long)]
    metafunc.parametrize("face", both, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave out over the Data API v1 what is about v0 itself; the marker may be that of a parameter."""
    left_out = [item for item in items if item.get_closest_marker("only_v0") and _face_of(item) is DATA_V1]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _face_of(item: pytest.Item) -> Optional[Face]:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("face") if callspec is not None else None


@pytest.fixture(autouse=True)
def face(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Face:
    """Return the face of the service that clients use during the test."""
    found: Face = getattr(request, "param", V0)
    monkeypatch.setattr(Service, "face", found)
    return found


# ---- the archive and the service -------------------------------------------------------------------------


@dataclass
class Service:
    """A running service.

    Attributes
    ----------
    url : str
        Root of its Scenes API v0, by which tests ask it for expected values.
    key : str
        Its API key; empty if it needs none.
    archive : Path
        The folder that it serves.
    to_activate : int
        Requests to activate an asset that tests make.
    """

    url: str
    key: str
    archive: Path
    process: subprocess.Popen[str] = field(repr=False)
    reader: threading.Thread = field(repr=False)
    log: List[str] = field(default_factory=list, repr=False)
    to_activate: int = 0
    face: ClassVar[Face] = V0
    """The face that clients use during a test."""

    @property
    def root(self) -> str:
        """Root of the face that clients use."""
        return self.url.replace(V0.path, self.face.path)

    @property
    def environ(self) -> Dict[str, str]:
        """Environment of a shell after ``eval "$(planet-vector env)"``, with root and key set."""
        from planet_vector.driver.registration import environment

        return {**os.environ, **environment(), "PL_API_URL": self.root, "PL_API_KEY": self.key}

    def count(self, route: str) -> int:
        """Return the number of requests that a function of the service answered, by its own counters."""
        return count_requests(self.url, self.key, route)

    def stop(self) -> None:
        """Stop the process with SIGTERM, and remove the files that pass its key to GDAL.

        Its counter has just the requests to activate an asset that tests made: no read makes one.
        """
        try:
            activated = self.count("data_api.activate") if self.process.poll() is None else None
        except (requests.ConnectionError, requests.Timeout):  # a test has made it unable to answer
            activated = None
        except requests.HTTPError as error:
            if error.response.status_code < 500:
                raise
            activated = None  # one of the faults that a test injects
        finally:
            self._end()
        ACTIVATIONS.append(activated)
        assert activated in (None, self.to_activate), f"{activated} requests activated an asset, not {self.to_activate}"

    def _end(self) -> None:
        for face in FACES:
            forget_key_of(self.url.replace(V0.path, face.path))
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise
        finally:
            self.reader.join(10)
            if self.process.stdout is not None:
                self.process.stdout.close()


def count_requests(url: str, key: str, route: str) -> int:
    """Return the number of requests that a function of a service answered, given the root of its Scenes API."""
    headers = {"Authorization": f"api-key {key}"} if key else {}
    answer = requests.get(url.replace("/v0/", "/metrics"), headers=headers, timeout=30)
    answer.raise_for_status()
    counted = re.compile(rf'planet_requests_total\{{route="{re.escape(route)}",.*\}} (\d+)')
    return sum(int(match[1]) for match in map(counted.match, answer.text.splitlines()) if match)


def forget_key_of(url: str) -> None:
    """Remove the files with the key of a service, which are in the temporary folder shared with other programs."""
    from planet_vector.config import Settings
    from planet_vector.raster.credential_files import forget

    forget(Settings(url))


Start = Callable[..., Service]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small sample archive, made once for all tests: read-only."""
    directory = tmp_path_factory.mktemp("sample") / "archive"
    code = (
        "import pathlib, sys; from planet_vector.server.sample.making import make_sample;"
        "make_sample(pathlib.Path(sys.argv[1]), size='small')"
    )
    subprocess.run([SERVICE_PYTHON, "-c", code, str(directory)], check=True, cwd=ROOT)
    return directory


_STARTED: List[Service] = []
_KEPT: List[Service] = []
"""Running services: of the module, and of the session."""


@pytest.fixture(scope="module", autouse=True)
def _services_end_with_their_module() -> Iterator[None]:
    """Stop the services that a module started: an idle one takes its share of the processor, too."""
    yield
    _stop(_STARTED)


def _stop(services: List[Service]) -> None:
    while services:
        service = services.pop()
        if service.process.poll() is None:
            service.stop()


@pytest.fixture(scope="session")
def start_service() -> Iterator[Start]:
    """Return a function that starts a service on a free port and returns it once it responds.

    It takes the folder, then further options of ``planet-vector serve``; ``key`` is its key, "" for none. Services stop
    at the end of their module, those with ``keep`` at the end of the session, unless `Service.stop` was called.
    """

    def start(archive: Path, *options: str, key: str = KEY, keep: bool = False) -> Service:
        command = [SERVICE_PYTHON, "-m", "planet_vector.cli", "serve", str(archive), "--port", "0", *options]
        process = subprocess.Popen(
            command,
            env={**os.environ, "PLANET_SERVE_KEY": key} if key else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            address = re.search(r"http://[\w.\[\]:]+/\S*", line)
            if address:
                break
        else:
            process.wait()
            process.stdout.close()
            raise AssertionError(f"the service did not start: {''.join(said)}")
        # Read its output, so that the pipe does not fill up; tests may inspect it.
        reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
        reader.start()
        service = Service(address.group(), key, archive, process, reader, said)
        (_KEPT if keep else _STARTED).append(service)
        return service

    yield start
    _stop(_KEPT)


@pytest.fixture(scope="session")
def service(start_service: Start, archive: Path) -> Service:
    """Return the service over the shared sample archive."""
    return start_service(archive, keep=True)


@pytest.fixture
def connected(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Return the shared service, with this process's environment set to use it."""
    monkeypatch.setenv("PL_API_URL", service.root)
    monkeypatch.setenv("PL_API_KEY", service.key)
    return service


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real responses and rasters beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data (../shared/data) is not here")
    return SHARED_DATA


# Warning of GDAL in a Debian in preparation if its curl is not the one that GDAL was built with.
_CURL = re.compile(r"Warning 1: GDAL was built against curl [\d.]+, but is running against [\d.]+\.[^\n]*\n")


# ---- programs --------------------------------------------------------------------------------------------


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a program and returns its outcome with its output as text."""

    def call(
        *command: str, env: Optional[Dict[str, str]] = None, input: str = "", timeout: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, env=env, input=input, capture_output=True, text=True, timeout=timeout, **options)
        done.stderr = _CURL.sub("", done.stderr)
        return done

    return call


@pytest.fixture
def call() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function like `run` for ``planet-vector``, but in this process, which is faster."""
    from click.testing import CliRunner

    from planet_vector.cli import main

    # From click 8.2 on, stderr is always separate.
    apart: Dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}

    def invoke(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        done = CliRunner(**apart).invoke(main, arguments, input=input, prog_name="planet-vector")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    return invoke


@pytest.fixture
def system_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs code in Debian's own Python, which has osgeo (GDAL 3.6) and QGIS.

    The package is importable there; GDAL does not know the driver unless ``env`` or the code registers it.
    """
    if not QGIS_PYTHON.exists():
        pytest.skip("Debian's Python with QGIS is not set up: run 'make test'")

    def call(
        code: str, *arguments: str, env: Optional[Dict[str, str]] = None, input: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        environ = {
            **(os.environ if env is None else env),
            "PATH": os.pathsep.join([str(QGIS_PYTHON.parent), os.environ["PATH"]]),
            "QT_QPA_PLATFORM": "offscreen",
        }
        command: Sequence[str] = [str(QGIS_PYTHON), "-c", code, *arguments]
        done = subprocess.run(command, env=environ, input=input, capture_output=True, text=True, timeout=timeout)
        done.stderr = _CURL.sub("", done.stderr)
        return done

    return call
