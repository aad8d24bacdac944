"""Docs keep their word: links lead somewhere, every command is documented, the guides' commands run."""

from __future__ import annotations

import doctest
import re
import runpy
import shlex
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from tallrun.cli.app import build_app

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
_NAMED = re.compile(r"(?<![\w/.])docs/[\w./-]+\.md")
_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands(group, prefix=()):
    for name, item in group.commands.items():
        if hasattr(item, "commands"):
            yield from commands(item, (*prefix, name))
        else:
            yield (*prefix, name), item


def all_commands():
    return dict(commands(typer.main.get_command(build_app())))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in _LINK.findall(text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for target in _NAMED.findall(text):
        assert (ROOT / target).exists(), f"{page.name} names {target}"


def test_every_command_has_help_and_a_line_in_the_docs():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name, command in all_commands().items():
        assert command.help, name
        assert "tallrun " + " ".join(name) in text, f"tallrun {' '.join(name)} is nowhere in the docs"


def test_the_page_of_devices_is_what_configs_and_tests_say(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import make_devices

    assert (ROOT / "docs" / "devices.md").read_text(encoding="utf-8") == make_devices.page()
    with pytest.raises(SystemExit, match="no test"):
        make_devices.proof((make_devices.VENDOR, "test_that_is_gone"))


def test_every_option_says_what_it_is():
    for name, command in all_commands().items():
        for option in command.params:
            if option.param_type_name == "option":
                assert getattr(option, "help", None), f"{name} {option.name}"


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_guides_run_as_written(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALLRUN_DATA_DIR", str(tmp_path / "records"))
    (tmp_path / "recordings").symlink_to(ROOT / "recordings")
    lines = [
        line
        for block in _BLOCK.findall(guide.read_text(encoding="utf-8"))
        for line in block.splitlines()
        if line.strip()
    ]
    if guide.stem == "runner":
        assert lines == ["tallrun serve"]  # everything else is tapped, see tests/web/test_run_from_phone.py
        return
    assert len(lines) >= 3
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "tallrun"
        result = CliRunner().invoke(build_app(), arguments)
        may_lack_bluetooth = arguments[0] == "doctor"  # which says so with exit 1
        assert result.exit_code in ((0, 1) if may_lack_bluetooth else (0,)), (
            f"{line}\n{result.output}\n{result.exception!r}"
        )
    for code in _PYTHON.findall(guide.read_text(encoding="utf-8")):
        exec(compile(code, guide.name, "exec"), {})


_KEY = re.compile(r"\b(?:art|sci):[A-Z]\d*\b")
_BARE_KEY = re.compile(r"\b(?:art|sci):[A-Z]\d+`?(?: and|,) `?[A-E]\d+\b")


def cited_in_repository():
    places = ["src", "tests", "benchmarks", "docs"]
    for place in places:
        for path in sorted((ROOT / place).rglob("*")):
            if path.suffix in {".py", ".toml", ".js", ".j2", ".md"} and path.name not in {
                "sources.md",
                "test_docs.py",
            }:
                yield path, path.read_text(encoding="utf-8")


def test_every_citation_key_stands_in_the_sources_page():
    listed = set(
        re.findall(
            r"^\| `((?:art|sci):[A-Z]\d*)` \|", (ROOT / "docs" / "sources.md").read_text("utf-8"), re.M
        )
    )
    missing = {
        f"{path.relative_to(ROOT)}: {key}"
        for path, text in cited_in_repository()
        for key in _KEY.findall(text)
        if key not in listed
    }
    assert not missing, f"cited but not in docs/sources.md: {sorted(missing)}"


def test_no_citation_key_goes_without_its_prefix():
    bare = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in cited_in_repository()
        for match in _BARE_KEY.finditer(text)
    }
    assert not bare, f"write each key with its prefix: {sorted(bare)}"


GALLERY = runpy.run_path(str(ROOT / "docs" / "make_gallery.py"))


@pytest.mark.parametrize("example", GALLERY["examples"](), ids=lambda path: path.stem)
def test_examples_of_the_gallery_run_and_draw(example, tmp_path):
    GALLERY["run"](example, tmp_path)
    (picture,) = tmp_path.glob("*.svg")
    assert picture.stem == example.stem
    assert len(re.findall("<circle|<polyline", picture.read_text())) >= 1
    assert (example.parent / picture.name).is_file()


def test_the_gallery_page_shows_the_examples_as_they_are():
    assert len(GALLERY["examples"]()) >= 10
    assert (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8") == GALLERY["page"](), (
        "run docs/make_gallery.py"
    )


def test_the_dictionary_is_what_the_code_says():
    made = runpy.run_path(str(ROOT / "docs" / "make_dictionary.py"))["page"]()
    assert (ROOT / "docs" / "dictionary.md").read_text(encoding="utf-8") == made, "make docs"


def test_every_page_is_on_the_site_and_nothing_fetched_from_elsewhere_passes():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name in nav or name.startswith("maker/"), f"{name} is not in mkdocs.yml"
    fetched = runpy.run_path(str(ROOT / "docs" / "site_hooks.py"))["fetched_from_elsewhere"]
    for bad in (
        '<link rel="stylesheet" href="https://fonts.example/x.css">', "<script src=//cdn.example/a.js></script>",
        "@import 'https://x.example/a.css'", "a{src:url(https://x.example/f.woff2)}", '<img alt="" src="http://x/y.png">',
        '<link href="https://fonts.example" rel="preconnect">',
    ):  # fmt: skip
        assert fetched(bad), bad
    for good in ('<a href="https://x.example">x</a>', '<script src="assets/a.js"></script>', "url(data:image/png,x)",
                 '<link rel="canonical" href="https://x.example">'):  # fmt: skip
        assert not fetched(good), good


def test_examples_in_the_library_give_what_they_say():
    import tallrun.library

    found = doctest.testmod(tallrun.library, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert found.attempted >= 6
    assert found.failed == 0
