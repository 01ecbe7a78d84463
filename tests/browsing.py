"""A real browser for tests: headless Chromium without access to other machines."""

from __future__ import annotations

import contextlib
import shutil
from typing import Any, Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def chromium(*rules: str) -> Iterator[Any]:
    """Run a browser through Playwright.

    Parameters
    ----------
    *rules : str
        Addresses of other hosts, as rules of Chromium's ``--host-resolver-rules``; without, they do not resolve.
    """
    from playwright.sync_api import sync_playwright

    resolver = ", ".join([*rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost"])
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", f"--host-resolver-rules={resolver}"]
        )
        yield running
        running.close()
