"""Run tests on a machine, and record in docs/compatibility.md their environment and outcome.

::

    python tests/machines/record.py "Debian trixie" -- make test-here
    python tests/machines/record.py --take DIRECTORY      # copy the records of another checkout, as in a chroot
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Dict, List

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
MARK = "| machine | Python | GDAL and QGIS | result | on |\n| --- | --- | --- | --- | --- |\n"


def main(arguments: List[str]) -> int:
    """Run the command after ``--`` and record its outcome; return its exit code."""
    if arguments[0] == "--take":
        _write({**_rows(PAGE), **_rows(Path(arguments[1], "docs", PAGE.name))})
        return 0
    machine, command = arguments[0], arguments[2:]
    code, said = _run(command)
    _write({**_rows(PAGE), machine: _row(machine, code, said)})
    return code


def _run(command: List[str]) -> tuple[int, str]:
    """Run a command, print its output as it arrives, and return the exit code with the output."""
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            said.append(line)
    return process.returncode, "".join(said)


def _row(machine: str, code: int, said: str) -> str:
    pythons = dict.fromkeys(re.findall(r"^platform \S+ -- Python (\S+?),", said, re.MULTILINE))
    builds = dict.fromkeys(
        build for line in re.findall(r"^GDAL: (.*)$", said, re.MULTILINE) for build in line.split(", ")
    )
    counts: Dict[str, int] = {}
    for line in re.findall(r"^=* ?(\d+ \w+(?:, \d+ \w+)* in .*)$", said, re.MULTILINE):
        for number, what in re.findall(r"(\d+) (passed|failed|skipped|errors?)\b", line):
            counts[what] = counts.get(what, 0) + int(number)
    result = ", ".join(f"{number} {what}" for what, number in counts.items()) or "no test was run"
    if code and not counts.keys() & {"failed", "error", "errors"}:
        result += f", exit code {code}"
    return f"| {machine} | {', '.join(pythons)} | {', '.join(builds)} | {result} | {date.today()} |\n"


def _rows(page: Path) -> Dict[str, str]:
    """Return the rows of a page's table by machine."""
    text = page.read_text(encoding="utf-8")
    lines = takewhile(lambda line: line.startswith("|"), text.partition(MARK)[2].splitlines(keepends=True))
    return {line.split("|")[1].strip(): line for line in lines}


def _write(rows: Dict[str, str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, mark, rest = text.partition(MARK)
    tail = re.sub(r"\A(\|.*\n)+", "", rest)
    # "Python 3.9" before "Python 3.10".
    order = sorted(
        rows, key=lambda machine: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", machine)]
    )
    PAGE.write_text(head + mark + "".join(rows[machine] for machine in order) + tail, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
