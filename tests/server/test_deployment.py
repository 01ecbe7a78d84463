"""The image, the unit, and the access log of a service that runs for others."""

from __future__ import annotations

import configparser
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Set

import pytest
import requests

from planet_vector.server.api.access_log import AccessLog

from .conftest import ROOT, Serve, feature, running, write_features

KEY = "5ec2e75ec2e75ec2e75ec2e75ec2e7aa"
UNIT = ROOT / "docs" / "planet-vector.service"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_features(folder / "list.json", [feature("S1")])
    return folder


# ---- the image -------------------------------------------------------------------------------------------


def instructions() -> Dict[str, str]:
    """Return the instructions of the Dockerfile, those of one name joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "docs" / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: Dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        found[name] = " ".join([*found.get(name, "").split(), *rest.split()])
    return found


# What every Debian has for its own programs, and Python for its modules.
SLIM = re.compile(r"(ld-linux.*|linux-vdso|lib(c|m|dl|rt|pthread|z|gcc_s|stdc\+\+))\.so\.\d+")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs wheels for Linux")
def test_the_image_has_the_libraries_that_the_wheels_need() -> None:
    import rasterio

    place = Path(rasterio.__file__).parent
    files = [*place.glob("*.so"), *place.with_name("rasterio.libs").glob("*.so*")]
    assert files
    own = {file.name for file in files}
    needed: Set[str] = set()
    for file in files:
        said = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=True).stdout
        for line in said.splitlines():
            name, _, target = line.strip().partition(" => ")
            if name not in own and str(place.parent) not in target and not SLIM.fullmatch(Path(name.split()[0]).name):
                needed.add(name)
    packages = instructions()["RUN"].partition("pip install")[0].split()
    missing = {name for name in needed if re.sub(r"\.so\.", "", name) not in packages}
    assert not missing


def context() -> Iterator[Path]:
    """Yield the files of the checkout that go into an image, after the rules of .dockerignore."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    for folder, folders, files in os.walk(ROOT):
        for name in [*folders, *files]:
            path = Path(folder, name).relative_to(ROOT)
            parts, taken = [str(Path(*path.parts[: n + 1])) for n in range(len(path.parts))], True
            for rule in rules:  # the last that holds counts; one that holds for a folder does for what is in it
                pattern = rule.lstrip("!")
                tried = [part.rpartition("/")[2] for part in parts] if pattern.startswith("**/") else parts
                if any(fnmatch.fnmatchcase(part, pattern.replace("**/", "")) for part in tried):
                    taken = rule.startswith("!")
            if not taken and name in folders:
                folders.remove(name)
            elif taken and name in files:
                yield path


def test_into_the_image_goes_what_is_installed_and_nothing_else() -> None:
    copied = set(context())
    assert {path.parts[0] for path in copied} == {
        "LICENSE", "README.md", "THIRD_PARTY_NOTICES.md", "planet_vector", "plugins", "pyproject.toml", "setup.cfg",
    }  # fmt: skip
    installed = [path for folder in ("planet_vector", "plugins") for path in (ROOT / folder).rglob("*.*")]
    installed = [path for path in installed if "__pycache__" not in path.parts and path.is_file()]
    assert len(installed) > 100
    assert {path.relative_to(ROOT) for path in installed} <= copied
    assert not [path for path in copied if path.suffix == ".pyc"]


def test_the_image_s_commands_work(archive: Path, tmp_path: Path) -> None:
    """Serve as the image does, at another place, and ask for its health as it does, behind a proxy."""
    entry = json.loads(instructions()["ENTRYPOINT"])
    assert entry[:3] == ["planet-vector", "serve", "/scenes"]
    assert entry[-2:] == ["--index", "/cache/index.sqlite"]
    options = " ".join(entry[3:-2]).replace("--port 8080", "--port 0").split()
    with running(archive, tmp_path, *options, environment={"PLANET_SERVE_KEY": KEY}) as service:
        check, _, command = instructions()["HEALTHCHECK"].partition("CMD ")
        assert re.search(r"--start-period=\d+h ", check)
        arguments = json.loads(command.replace(":8080/", f":{service.origin.rpartition(':')[2]}/"))
        environ = {**os.environ, "http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
        subprocess.run([sys.executable, *arguments[1:]], check=True, env=environ, timeout=60)
        service.process.send_signal(getattr(signal, instructions()["STOPSIGNAL"]))
        assert service.process.wait(20) == 0
    assert (
        subprocess.run([sys.executable, *arguments[1:]], env=environ, timeout=60, capture_output=True).returncode == 1
    )


# ---- the unit --------------------------------------------------------------------------------------------


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    return parser


def test_the_unit_s_command_works_and_sees_keys_that_come_and_go(archive: Path, tmp_path: Path) -> None:
    command = shlex.split(unit()["Service"]["ExecStart"])
    keys, index = command.index("--keys"), command.index("--index")
    # What systemd copies at the start (credentials) does not change.
    assert Path(command[keys + 1]).is_absolute() and "LoadCredential" not in unit()["Service"]
    assert unit()["Service"]["User"] in UNIT.read_text().partition("[Unit]")[0]
    file = tmp_path / "keys.yml"
    new = [sys.executable, "-m", "planet_vector.cli", "serve", str(archive), "--keys", str(file), "--new-key"]

    def key(name: str) -> str:
        return subprocess.run([*new, name], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()[-1]

    first = key("office")
    options = [*command[3 : keys + 1], str(file), *command[keys + 2 : index], *command[index + 2 :]]
    options[options.index("--port") + 1] = "0"
    with running(archive, tmp_path, *options) as service:
        assert service.get("scenes/", auth=(first, "")).status_code == 200
        second = key("guest")
        assert {service.get("scenes/", auth=(second, "")).status_code for _ in range(8)} == {200}  # by each process
        assert service.get("scenes/", headers={"Host": "scenes.example.org"}, auth=(first, "")).status_code == 200
    assert unit()["Unit"]["RequiresMountsFor"] == command[2]


def test_the_unit_lets_a_process_have_the_files_it_can_use() -> None:
    from planet_vector.server.http_connections import MAX_CONNECTIONS, RESERVE

    assert int(unit()["Service"]["LimitNOFILE"]) >= RESERVE + 2 * MAX_CONNECTIONS


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    program = shlex.split(unit()["Service"]["ExecStart"])[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(f"ExecStart={program}", f"ExecStart={sys.executable}"))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60)
    told = [line for line in (done.stdout + done.stderr).splitlines() if UNIT.name in line]
    assert (done.returncode, told) == (0, [])


# ---- the access log --------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_for_the_log_breaks_no_answer(serve: Serve, archive: Path, workers: int) -> None:
    service = serve(archive, "--access-log", "/dev/full", "--workers", str(workers))
    for _ in range(20):
        assert [feature["id"] for feature in service.json("scenes/ortho/")["features"]] == ["S1"]
        assert requests.get(service.origin + "/healthz", timeout=30).json()["status"] == "ok"
    told = service.errors.splitlines()
    assert 1 <= len(told) <= workers
    for line in told:
        assert line == (
            "The access log /dev/full cannot be written (No space left on device): lines are lost until it can."
        )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a bound for the size of files")
def test_lines_are_whole_again_when_there_is_room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import resource

    file = tmp_path / "access.log"
    log = AccessLog(file)
    lines = [f"{number:099}\n" for number in range(30)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (950, hard))  # the tenth line is torn
    try:
        for line in lines[:20]:
            log.write(line)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for line in lines[20:]:
        log.write(line)
    log.close()
    written: List[str] = file.read_text().splitlines(keepends=True)
    assert written[:9] == lines[:9] and written[10:] == lines[20:]
    assert written[9] == lines[9][:50] + "\n"
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and "lines are lost until it can" in told[0] and "11 lines are lost" in told[1]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe as standard error")
def test_nobody_who_reads_standard_error_is_no_error(archive: Path, tmp_path: Path) -> None:
    program = ("bash", "-c", 'exec 2> >(exec head -c 1 >/dev/null); exec "$0" "$@"', sys.executable)
    with running(archive, tmp_path, "--access-log", "-", program=(*program, "-m", "planet_vector.cli")) as service:
        for _ in range(10):
            assert service.json("scenes/ortho/")["count"] == 1
