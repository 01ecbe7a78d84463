"""Files that hand a key to GDAL: where they lie, who can read them, and what becomes of them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator
from urllib.parse import parse_qs

import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.keys import Key
from planet_vector.raster import credential_files
from planet_vector.raster.credential_files import forget, header_file, temporary_folder
from planet_vector.raster.described import subdatasets

from .recording import Pair
from .test_access import checksums, scene

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes as POSIX has them")

SETTINGS = Settings("http://127.0.0.1:9/v0/", Key("k" * 32))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand a folder of the test's own in the place of /tmp, open to everybody as that is."""
    place = tmp_path / "tmp"
    place.mkdir()
    place.chmod(0o1777)
    private = place / f"planet_vector-{os.getuid()}"
    monkeypatch.setattr(credential_files, "_temporary_folders", lambda: iter([private]))
    yield private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_it_lies_where_gdal_reads_header_files_and_nobody_else_can() -> None:
    file = header_file(SETTINGS)
    try:
        assert file.parent.parent == Path("/tmp") and Path.home() not in file.parents
        assert (mode(file), mode(file.parent)) == (0o600, 0o700)
        assert header_file(SETTINGS) == file
    finally:
        forget(SETTINGS)
    assert not file.exists()


def test_temp_counts_and_tmpdir_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL knows nothing of TMPDIR, which Python's tempfile obeys first."""
    for name in ("TMPDIR", "TEMP"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    found = list(credential_files._temporary_folders())
    assert [path.parent for path in found] == [Path("/tmp"), tmp_path / "TEMP"]


def test_a_file_that_others_could_read_is_made_anew(folder: Path) -> None:
    file = header_file(SETTINGS)
    file.chmod(0o644)
    before = file.stat().st_ino
    assert header_file(SETTINGS) == file
    assert mode(file) == 0o600 and file.stat().st_ino != before


def test_a_link_in_its_place_is_not_followed(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(f"Authorization: api-key {'k' * 32}\n")
    elsewhere.chmod(0o600)
    folder.mkdir(mode=0o700)
    file = credential_files._named(folder, SETTINGS, "headers")
    file.symlink_to(elsewhere)
    assert header_file(SETTINGS) == file
    assert not file.is_symlink() and mode(file) == 0o600


def _open_to_others(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def _a_link(folder: Path) -> None:
    (folder.parent / "other").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "other")


def _a_file(folder: Path) -> None:
    folder.write_text("")


def _of_somebody_else(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    if os.getuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    os.chown(folder, 12345, 12345)


@pytest.mark.parametrize("make", [_open_to_others, _a_link, _a_file, _of_somebody_else])
def test_a_folder_that_is_not_ours_alone_is_refused(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder)
    with pytest.raises(ConfigError, match="is not a folder that only you can read") as raised:
        header_file(SETTINGS)
    assert "TEMP" in str(raised.value) and "kkk" not in str(raised.value)
    assert not list(folder.glob("*")) if folder.is_dir() else True


def test_another_folder_takes_its_place(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _a_link(folder)
    monkeypatch.setattr(credential_files, "_temporary_folders", lambda: iter([folder, tmp_path / "second"]))
    assert temporary_folder() == tmp_path / "second" and mode(tmp_path / "second") == 0o700


def test_a_name_opens_again_after_a_restart_of_the_machine(
    catalog: ScenesV0, pair: Pair, run: Callable[..., Any], geotiff: Path
) -> None:
    """What lies in /tmp is gone then; a name that a project kept opens once the service has been used."""
    ((name, _),) = subdatasets(catalog, scene(pair, "direct"))
    expected = checksums(run("gdalinfo", "-checksum", str(geotiff)).stdout)
    file = header_file(catalog.settings)
    file.unlink()
    assert run("gdalinfo", "-checksum", name).returncode != 0
    assert subdatasets(catalog, scene(pair, "direct"))[0][0] == name
    assert checksums(run("gdalinfo", "-checksum", name).stdout) == expected != []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_reads_nothing(catalog: ScenesV0, pair: Pair) -> None:
    ((name, _),) = subdatasets(catalog, scene(pair, "direct"))
    file = parse_qs(name.partition("?")[2])["header_file"][0]
    assert pair.key in Path(file).read_text() and pair.key not in name
    for command in (["cat", file], ["ls", os.path.dirname(file)]):
        done = subprocess.run(command, capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
        assert done.returncode != 0 and pair.key not in done.stdout


def test_log_out_removes_it(catalog: ScenesV0, pair: Pair) -> None:
    file = header_file(catalog.settings)
    forget(catalog.settings)
    assert not file.exists()


def test_log_out_leaves_a_folder_of_somebody_else_alone(folder: Path) -> None:
    """A link to another folder in the place of ours leads to no file that is ours to remove."""
    _a_link(folder)
    file = credential_files._named(folder.parent / "other", SETTINGS, "headers")
    file.touch()
    forget(SETTINGS)
    assert file.exists()
