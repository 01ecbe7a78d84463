"""Hook of MkDocs: pages at the top of the checkout, such as CONTRIBUTING.md, are pages of the site, too.

MkDocs reads one folder. This adds the other pages to it, and rewrites the links between the two. Names of the package
in docstrings become links to what the reference says of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent

TOP_PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "SECURITY.md": "security.md",
    "CHANGES.md": "changes.md",
    "THIRD_PARTY_NOTICES.md": "third-party-notices.md",
    "LICENSE": "license.md",
}
"""Pages at the top of the checkout, and their names in the site."""

_LINK = re.compile(r"(?<=\]\()(?P<path>[\w./-]+\.md|LICENSE)(?P<rest>(?:#[\w-]+)?\))")
_LIST_AFTER_TEXT = re.compile(r"^(?P<text>(?![ \t]|[*>|#]|\d+\. )\S.*)\n(?=(?:\* |\d+\. ))", re.M)
_NAME = re.compile(r"(?<!<a>)<code>(?P<name>planet_vector(?:\.\w+)+)</code>(?!</a>|</autoref>)")
_CODE = re.compile(r"^```.*?^```$", re.M | re.S)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the top of the checkout."""
    for name, page in TOP_PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        if not name.endswith(".md"):
            text = f"# {page[:-3].title()}\n\n{text}"
        files.append(File.generated(config, page, content=_LINK.sub(_link_from_top, text)))
    return files


def on_page_markdown(markdown: str, **others: Any) -> str:
    """Rewrite links to the top of the checkout, and separate lists from the text before them.

    GitHub's Markdown begins a list after a line of text; Python-Markdown only after an empty line.
    """
    markdown = _LINK.sub(_link_from_docs, markdown)
    parts, end = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_LIST_AFTER_TEXT.sub(r"\g<text>\n\n", markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _LIST_AFTER_TEXT.sub(r"\g<text>\n\n", markdown[end:])])


def on_page_content(html: str, **others: Any) -> str:
    """Link the names of the package in docstrings, and drop the marks of reStructuredText."""
    return _NAME.sub(r'<autoref identifier="\g<name>" optional>\g<0></autoref>', html.replace("<p>::</p>\n", ""))


def _link_from_top(link: re.Match[str]) -> str:
    path = TOP_PAGES.get(link["path"], link["path"].replace("docs/", "", 1))
    return path + link["rest"]


def _link_from_docs(link: re.Match[str]) -> str:
    name = link["path"].replace("../", "", 1)
    path = TOP_PAGES.get(name, link["path"]) if link["path"].startswith("../") else link["path"]
    return path + link["rest"]
