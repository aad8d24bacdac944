"""Reads a made page back: its texts, tables and scripts, with the standard library's parser only."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects tags, visible texts by block, and table rows by table id."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._table = ""
        self._cell: list[str] | None = None
        self._block: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "table":
            self._table = found.get("id") or f"table-{len(self.tables)}"
            self.tables[self._table] = []
        if tag == "tr" and self._table:
            self.tables[self._table].append([])
        if tag in ("td", "th"):
            self._cell = []
        if tag in ("p", "li", "h1", "h2", "h3", "figcaption", "dd", "dt", "summary"):
            self._block = []
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._table = ""
        if tag in ("td", "th") and self._cell is not None and self._table:
            self.tables[self._table][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
        if (
            tag in ("p", "li", "h1", "h2", "h3", "figcaption", "dd", "dt", "summary")
            and self._block is not None
        ):
            self.blocks.append((tag, " ".join("".join(self._block).split())))
            self._block = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
        elif self._block is not None:
            self._block.append(data)

    def count(self, tag: str) -> int:
        """How many elements of this tag there are."""
        return sum(name == tag for name, _ in self.tags)
