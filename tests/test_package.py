"""What is published: wheel and sdist, the wheel on its own, and what is said where an extra is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.session_files import small_session
from tallrun.cli import main

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: extra -> (packages of it, command that needs it; PLACE is a session, NEW a path that is not there)
EXTRAS = {
    "emulator": (("bumble",), ["demo", "--out", "NEW"]),
    "cluster": (("dask", "distributed"), ["cohort", "PLACE", "--out", "NEW"]),
    "fit": (("fit_tool", "fitdecode"), ["export", "PLACE", "--to", "fit", "-o", "NEW"]),
    "formats": (("pyxdf",), ["import", "xdf", "FILE", "--out", "NEW", "--stream", "foot_left=1"]),
    "postgres": (("psycopg",), ["due", "--data-dir", "postgresql://a@127.0.0.1:1/b"]),
}


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_extra_is_named_at_once_with_what_to_install(
    extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packages, arguments = EXTRAS[extra]
    for name in packages:
        for loaded in [item for item in sys.modules if item.split(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [_Without(finder, packages) for finder in sys.meta_path])
    small_session(tmp_path / "session")
    (tmp_path / "file.xdf").write_bytes(b"XDF:")
    places = {"PLACE": tmp_path / "session", "NEW": tmp_path / "new", "FILE": tmp_path / "file.xdf"}
    with pytest.raises(SystemExit) as done:
        main([str(places.get(item, item)) for item in arguments])
    said = capsys.readouterr()
    assert done.value.code == 1
    assert f"pip install 'tallrun[{extra}]'" in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


class _Without:
    """A finder that does not find some packages, as if they were not installed."""

    def __init__(self, finder: Any, names: tuple[str, ...]) -> None:
        self._finder, self._names = finder, names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return None if name.split(".")[0] in self._names else self._finder.find_spec(name, path, target)


def test_every_extra_a_person_may_want_is_tried_here() -> None:
    assert set(PROJECT["optional-dependencies"]) == set(EXTRAS) | {"dev", "bench", "site"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return out


def test_wheel_and_sdist_are_fit_to_publish(built: Path) -> None:
    wheel, sdist = next(built.glob("*.whl")), next(built.glob("*.tar.gz"))
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "tallrun",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }
    assert not [name for name in names if re.search(r"__pycache__|\.pyc$|/tests?/", name)]
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "CITATION.cff", "src/tallrun/__init__.py"} <= inside


def test_the_wheel_works_without_the_checkout(built: Path, tmp_path: Path) -> None:
    """In an environment that holds the wheel and its dependencies; those come from ours, so that it is quick."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    place = Path(
        sysconfig.get_path("purelib", vars={"base": str(tmp_path / "env"), "platbase": str(tmp_path / "env")})
    )
    zipfile.ZipFile(next(built.glob("*.whl"))).extractall(place)
    # A path in a .pth file is searched, but its own .pth files (our editable install) are not read.
    (place / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    code = (
        "import tallrun as tr; print(tr.__file__); print(len(tr.__all__));"
        "from tallrun.resources import protocol_texts; print(sorted(protocol_texts()));"
        "from tallrun.cli import main; main(['demo', '--help'])"
    )
    done = subprocess.run(
        [python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert Path(first).is_relative_to(place)
    assert "pht" in rest[1]


def test_the_citation_file_has_what_the_format_asks_for() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    keys = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    assert {"cff-version", "message", "title", "authors"} <= keys
    assert "cff-version: 1.2.0" in text
    assert keys <= {
        "cff-version", "message", "title", "type", "version", "license", "abstract", "keywords", "authors", "doi",
        "date-released", "repository-code", "url", "identifiers", "references", "preferred-citation", "contact",
    }  # fmt: skip
