"""Files are written whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ups_framework.errors import RunError
from ups_framework.runs.atomic import sweep, write_whole

FULL_DISK = """
import resource, sys
from pathlib import Path
from ups_framework.errors import RunError
from ups_framework.runs.atomic import write_whole
from ups_framework.runs.records import append_jsonl
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
text = "x" * 50_000
write = {"whole": lambda path: write_whole(path, text.encode()), "line": lambda path: append_jsonl(path, {"a": text})}
try:
    write[sys.argv[1]](Path(sys.argv[2]))
except RunError as error:
    print(error)
"""


def write_beyond_the_limit(how: str, path: Path) -> str:
    """Run a process whose files may hold 20,000 bytes; what it says."""
    command = [sys.executable, "-c", FULL_DISK, how, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_file_holds_what_was_written_last(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"first, and longer")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"old")
    said = write_beyond_the_limit("whole", path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["checkpoint.pt"]
    assert str(path) in said
    assert "File too large" in said
    assert "untouched" in said


def test_a_line_that_does_not_fit_leaves_the_lines_before(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n')
    assert "the lines before are whole" in write_beyond_the_limit("line", path)
    assert path.read_text() == '{"step": 1}\n'


def test_a_missing_folder_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere/file: not written"):
        write_whole(tmp_path / "nowhere" / "file", b"")
    (tmp_path / "a file").touch()
    with pytest.raises(RunError, match="a file/file: not written"):
        write_whole(tmp_path / "a file" / "file", b"")


def test_a_link_stays_one_and_the_file_that_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("far/file")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "file").read_bytes() == b"new"


def test_what_is_no_regular_file_is_refused_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "folder").mkdir()
    before = sorted(os.listdir(tmp_path))
    for name in before:
        with pytest.raises(RunError, match=f"{name}: not written, since it is no regular file"):
            write_whole(tmp_path / name, b"data")
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "pipe").is_fifo()


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint.pt.123.partial").write_bytes(b"half")
    (tmp_path / "checkpoint.pt").write_bytes(b"whole")
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["checkpoint.pt"]
