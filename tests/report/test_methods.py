"""The methods paragraph names what was worn and says plainly what the session does not tell."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tallrun import __version__
from tallrun.report.methods import methods_paragraph
from tallrun.sessions import read_session

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def one_foot():
    return read_session(ROOT / "recordings" / "one_foot")


def test_names_sensor_rate_ranges_version_and_sources(one_foot):
    text = methods_paragraph(one_foot)
    for part in (
        "right foot",
        "200 Hz",
        "±16 g",
        "±2000 °/s",
        f"tallrun {__version__}",
        "10.3389/fphys.2018.00610",
    ):
        assert part in text
    assert "not calibrated" in text
    assert "VQF" not in text


def test_says_what_was_not_recorded_and_what_was_calibrated(one_foot):
    from dataclasses import replace

    foot = one_foot.sensors["foot_right"]
    bare = replace(foot, spec=replace(foot.spec, acc_range_g=None, gyr_range_dps=None, model=None))
    text = methods_paragraph(replace(one_foot, sensors={"foot_right": bare}), 1.06)
    assert text.count("not recorded") == 3
    assert "scaled by 1.060" in text


def test_no_sensor_and_no_gyroscope_are_told(one_foot):
    from dataclasses import replace

    foot = one_foot.sensors["foot_right"]
    blind = replace(foot, spec=replace(foot.spec, has_gyroscope=False), gyr_radps=None)
    assert "only the times of contacts" in methods_paragraph(replace(one_foot, sensors={"foot_right": blind}))
    assert "no inertial sensor" in methods_paragraph(replace(one_foot, sensors={}))


def test_citation_files_carry_the_version_of_the_package():
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))["version"] == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    authors = re.findall(r'- name: "(.+)"', (ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert authors == [item["name"] for item in project["authors"]]
