"""What is run elsewhere names what is here: targets, files, Pythons. The workflows themselves do not run here."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any, Dict, Set

import pytest

from tests.conftest import ROOT

yaml = pytest.importorskip("yaml")

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def _steps(path: Path) -> str:
    """Return the commands of a workflow."""
    jobs: Dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return "\n".join(step["run"] for job in jobs.values() for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_is_here(path: Path) -> None:
    said = _steps(path)
    assert set(re.findall(r"^make ([a-z-]+)", said, re.M)) <= TARGETS
    files = re.findall(r"(?<!\S)((?:tests|docs|tools|\.ci)/\S+)", said)
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_workflows_are_the_three() -> None:
    assert [path.name for path in WORKFLOWS] == ["docs.yml", "tests.yml", "wheels.yml"]


def test_each_python_of_the_packaging_is_tried() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    declared: Set[str] = set(re.findall(r":: (3\.\d+)$", parser["metadata"]["classifiers"], re.M))
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    assert set(jobs["pythons"]["strategy"]["matrix"]["python"]) == declared


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "RELEASING.md"])
def test_pages_for_contributors_name_what_is_here(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= TARGETS
    named = re.findall(r"`((?:planet_vector|plugins|qgis_plugin|tests|tools|docs|\.github)/[\w./-]+)`", text)
    assert len(named) > 3
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []


def test_issue_forms_are_forms() -> None:
    for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")):
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert path.name == "config.yml" or {"name", "description", "body"} <= set(form)
