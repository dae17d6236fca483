import os
import stat
from pathlib import Path

import msgspec
import pytest

from sandbox.document import Document


def test_old_document_is_removed_before_command_has_result(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text("{}")
    document = Document(path, private=False)
    assert list(tmp_path.iterdir()) == []
    document.write({"stones": 7})
    assert msgspec.json.decode(path.read_bytes()) == {"stones": 7}
    assert list(tmp_path.iterdir()) == [path]


def test_private_document_is_never_readable_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        modes.append(stat.S_IMODE(self.stat().st_mode))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    Document(tmp_path / "keys.json", private=True).write({})
    assert modes == [0o600]


def test_temporary_file_of_killed_command_does_not_interfere(tmp_path: Path) -> None:
    (tmp_path / ".answer.json.part").write_text("half")
    Document(tmp_path / "answer.json", private=False).write({})
    assert [path.name for path in tmp_path.iterdir()] == ["answer.json"]


def test_unwritable_path_is_rejected_immediately(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Document(tmp_path / "nowhere" / "answer.json", private=False)


def test_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        Document(pipe, private=False).write({"stones": 7})
        assert msgspec.json.decode(os.read(reader, 1000)) == {"stones": 7}
    finally:
        os.close(reader)
    assert pipe.is_fifo()
