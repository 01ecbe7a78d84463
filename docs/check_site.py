"""Check the built site: ``python docs/check_site.py [SITE]``.

Every link to a page, an anchor, a picture or a script must lead to what is there. No page may load anything from
another host. MkDocs checks links between Markdown files; this checks what the pages of the reference link to, too.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).resolve().parent.parent / "site"

_LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}
_NOT_LOADED = {"canonical", "next", "prev", "alternate"}  # links of a page that a browser does not follow by itself
_STYLE_URL = re.compile(r"""url\(\s*["']?(?P<url>[^"')]+)|@import\s+["'](?P<imported>[^"']+)""")


class Page(HTMLParser):
    """Links, anchors and what is loaded of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: Set[str] = set()
        self.links: List[str] = []
        self.loaded: List[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        """Note the links and anchors of an element."""
        values = dict(attrs)
        self.anchors.update(value for value in (values.get("id"), values.get("name")) if value)
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        target = values.get(_LOADED.get(tag, ""))
        if target and values.get("rel") not in _NOT_LOADED:
            self.loaded.append(target)


def faults(site: Path) -> Iterator[str]:
    """Yield a sentence for each link that leads nowhere, and each file that comes from another host."""
    pages: Dict[Path, Page] = {file: Page(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}
    for file, page in pages.items():
        place = file.relative_to(site)
        for url in page.loaded:
            if _is_foreign(url):
                yield f"{place} loads {url}"
        for url in [*page.links, *page.loaded]:
            if urlsplit(url).scheme or url.startswith("//"):
                continue
            path, _, anchor = url.partition("#")
            target = _target(site, file, unquote(path))
            if not target.is_file():
                yield f"{place} links to {url}, which is not there"
            elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
                yield f"{place} links to {url}, which has no such anchor"
    for file in sorted(site.rglob("*.css")):
        for match in _STYLE_URL.finditer(file.read_text(encoding="utf-8")):
            if _is_foreign(match["url"] or match["imported"]):
                yield f"{file.relative_to(site)} loads {match['url'] or match['imported']}"


def _target(site: Path, file: Path, path: str) -> Path:
    if not path:
        return file
    target = site / path.lstrip("/") if path.startswith("/") else file.parent / path
    target = Path(*target.parts).resolve()
    return target / "index.html" if target.is_dir() else target


def _is_foreign(url: str) -> bool:
    return url.startswith("//") or urlsplit(url).scheme in ("http", "https")


def main() -> int:
    """Print what is wrong; return 1 if anything is."""
    site = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else SITE
    found = list(faults(site))
    print("\n".join(found) or f"{site.name}/: {len(list(site.rglob('*.html')))} pages, every link leads somewhere")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
