"""What a page of the site contains, links to and loads."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Elements that a reader sees, to be counted.
COUNTED = {"h1", "h2", "h3", "h4", "h5", "h6", "li", "tr", "td", "th", "pre", "img", "strong", "em"}
_LOADING_RELS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "manifest"}
_CSS = re.compile(r"""(?:url\(|@import\s+)\s*["']?([^"')\s;]+)""")


class HtmlPage(HTMLParser):
    """Reads a page once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.components: set[str] = set()
        self.elements: Counter[str] = Counter()
        self.text: list[str] = []
        self._article = 0
        self._style = False
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._style = tag == "style"
        self._script = tag == "script"
        if tag == "article":
            self._article += 1
        self.ids |= {values[name] for name in ("id", "name") if name in values and tag != "meta"}
        if tag in ("a", "area") and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and _LOADING_RELS & set(values.get("rel", "").split()):
            self.loads.append(values["href"])
        self.loads += [values[name] for name in ("src", "poster", "data") if name in values]
        self.loads += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]
        self.loads += _CSS.findall(values.get("style", ""))
        self.components.add(values.get("data-md-component", ""))
        if self._article and tag in COUNTED:
            self.elements[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        self._style = self._script = False
        if tag == "article":
            self._article -= 1

    def handle_data(self, data: str) -> None:
        if self._style:
            self.loads += _CSS.findall(data)
        elif self._article and not self._script:
            self.text.append(data)


@cache
def read(path: Path) -> HtmlPage:
    return HtmlPage(path.read_text(encoding="utf-8"))


def dead_links(site: Path) -> list[str]:
    """Links and loads that lead to no file of the site, or to no anchor of a page."""
    found = []
    for path in sorted(site.rglob("*.html")):
        page = read(path)
        for target in [*page.links, *page.loads]:
            parts = urlsplit(target)
            # The page of missing addresses links from the root of its server.
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if place.is_dir():
                place = place / "index.html"
            name = path.relative_to(site)
            if not place.is_file():
                found.append(f"{name}: {target} leads nowhere")
            elif parts.fragment and place.suffix == ".html" and unquote(parts.fragment) not in read(place).ids:
                found.append(f"{name}: {target} has no such anchor")
    return found


def foreign_loads(site: Path) -> list[str]:
    """What pages and style sheets load from another host."""
    found = []
    for path in sorted(site.rglob("*.html")):
        page = read(path)
        found += [f"{path.relative_to(site)}: {one}" for one in page.loads if urlsplit(one).netloc]
        if "source" in page.components:
            found.append(f"{path.relative_to(site)}: its link to the code host loads facts from there")
    for path in sorted(site.rglob("*.css")):
        styles = _CSS.findall(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)}: {one}" for one in styles if urlsplit(one).netloc]
    return found
