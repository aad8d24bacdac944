"""Makes the pages of the site that live elsewhere in the checkout: the start page and the changelog.

A link out of ``docs`` (to a source file or a result) is shown as its name: the site does not hold that file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: What a page fetches when it is opened; a link to follow is none of it.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?=[^>]*rel=["']?(?:stylesheet|icon|preload|preconnect|dns-prefetch|modulepreload))[^>]*?"""
    r"""\bhref=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|url\(["']?((?:https?:)?//[^"')]+)|@import\s+["']((?:https?:)?//[^"']+)""",
    re.IGNORECASE,
)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add README.md as the start page and CHANGELOG.md."""
    from mkdocs.structure.files import File

    for name, source in (("index.md", "README.md"), ("changelog.md", "CHANGELOG.md")):
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Show links to what is not on the site as plain names."""

    def shown(found: re.Match[str]) -> str:
        folder = Path(page.file.src_uri).parent
        target = (ROOT / "docs" / folder / found[2]).resolve()
        if not target.is_relative_to(ROOT / "docs"):
            return f"{found[1]}"
        known = files.get_file_from_path(target.relative_to(ROOT / "docs").as_posix())
        return found[0] if known is not None and known.inclusion.is_included() else f"{found[1]}"

    return _LINK.sub(shown, markdown)


def fetched_from_elsewhere(text: str) -> list[str]:
    """Return what a page or style sheet would fetch from another host."""
    return ["".join(found) for found in _FETCHED.findall(text)]


def on_post_build(config: Any) -> None:
    """Refuse a site that fetches anything from elsewhere."""
    for path in sorted(Path(config["site_dir"]).rglob("*")):
        if path.suffix in (".html", ".css"):
            found = fetched_from_elsewhere(path.read_text(encoding="utf-8"))
            if found:
                raise SystemExit(f"{path} fetches {found[0]} from elsewhere")
