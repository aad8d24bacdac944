"""Which folders are sessions, what their names are, and which bytes they stand for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support.cohort_work import bare_session
from support.session_files import small_session
from tallrun.cohort import find_sessions
from tallrun.cohort.identity import INPUT_FILES, code_sha256, content_sha256, input_sha256
from tallrun.errors import SessionError


def names(root, **options):
    return [item.name for item in find_sessions(root, **options)]


def test_sessions_are_found_at_any_depth_in_order(tmp_path):
    for name in ("b/run2", "a/deep/er/run1", "b/run10", "b/run2/later"):
        bare_session(tmp_path / name)
    assert names(tmp_path) == ["a/deep/er/run1", "b/run10", "b/run2", "b/run2/later"]


def test_a_folder_that_is_a_session_is_one(tmp_path):
    bare_session(tmp_path / "s")
    assert names(tmp_path / "s") == ["."]


def test_hidden_half_written_derived_and_left_out_folders_are_not_searched(tmp_path):
    for name in (".s.partial-1", "s/derived/old", "s/signals/x", "out/copy"):
        bare_session(tmp_path / name)
    (tmp_path / "s" / "session.json").write_text("{}")
    assert names(tmp_path, leave_out=tmp_path / "out") == ["s"]


def test_a_loop_of_links_ends(tmp_path):
    bare_session(tmp_path / "s")
    (tmp_path / "s" / "again").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    assert names(tmp_path) == ["s"]


def test_a_run_that_was_cut_off_is_listed_with_its_remedy(tmp_path):
    folder = tmp_path / "cut"
    folder.mkdir()
    for name in ("packets.arrow", "recording.json"):
        (folder / name).write_bytes(b"")
    (found,) = find_sessions(tmp_path)
    assert found.name == "cut"
    assert "tallrun recover" in found.problem


def test_a_folder_that_cannot_be_opened_is_listed(tmp_path, monkeypatch):
    bare_session(tmp_path / "closed" / "s")
    bare_session(tmp_path / "open" / "s")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("tallrun.cohort.discover.os.scandir", refuse)
    closed, opened = find_sessions(tmp_path)
    assert closed.name == "closed"
    assert "Permission denied" in closed.problem
    assert (opened.name, opened.problem) == ("open/s", None)


def test_names_that_are_no_text_are_shown_and_still_lead_there(tmp_path):
    raw = os.fsencode(tmp_path) + b"/\xff\xfe"
    try:
        os.mkdir(raw)  # noqa: PTH102 (a name of bytes)
    except OSError:
        pytest.skip("this file system takes no names that are not UTF-8")
    (Path(os.fsdecode(raw)) / "session.json").write_text("{}")
    (found,) = find_sessions(tmp_path)
    assert found.name == "\\xff\\xfe"
    found.name.encode("utf-8")
    assert input_sha256(found.folder)


def test_only_what_is_read_counts_for_the_hash(tmp_path):
    folder = small_session(tmp_path / "s", "foot_left", "pelvis")
    before = input_sha256(folder)
    (folder / "derived").mkdir()
    (folder / "derived" / "summary.json").write_text("{}")
    (folder / "truth.json").write_text("{}")
    assert input_sha256(folder) == before
    assert input_sha256(shutil.copytree(folder, tmp_path / "copy")) == before
    for name in INPUT_FILES:
        path = folder / name
        kept = path.read_bytes() if path.exists() else None
        path.write_bytes((kept or b"") + b"x")
        assert input_sha256(folder) != before, name
        if kept is None:
            path.unlink()
        else:
            path.write_bytes(kept)
    assert input_sha256(folder) == before


def test_a_pipe_for_a_session_file_is_refused_at_once(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    os.mkfifo(folder / "session.json")
    with pytest.raises(SessionError, match="no regular file"):
        input_sha256(folder)


def test_configuration_code_and_version_each_make_another_shard():
    parts = ["input", "config", code_sha256(), "1"]
    names_of_shards = {content_sha256(*parts)}
    for place in range(4):
        names_of_shards.add(content_sha256(*[*parts[:place], "other", *parts[place + 1 :]]))
    assert len(names_of_shards) == 5
