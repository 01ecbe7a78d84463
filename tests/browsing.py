"""A real browser for tests: headless Chromium that reaches nothing but this machine."""

from __future__ import annotations

import contextlib
import shutil
from typing import Any, Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def chromium(*rules: str) -> Iterator[Any]:
    """Run a browser, as Playwright has it.

    Parameters
    ----------
    *rules : str
        Where other hosts lead, as Chromium's ``--host-resolver-rules`` has it; without, they lead nowhere.
    """
    from playwright.sync_api import sync_playwright

    resolver = ", ".join([*rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost"])
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", f"--host-resolver-rules={resolver}"]
        )
        yield running
        running.close()
