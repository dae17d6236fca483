import os
import stat
from pathlib import Path

import msgspec
import pytest

from sandbox.document import Document


def test_what_an_earlier_command_left_is_gone_before_this_one_has_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text("{}")
    document = Document(path, private=False)
    assert list(tmp_path.iterdir()) == []
    document.write({"stones": 7})
    assert msgspec.json.decode(path.read_bytes()) == {"stones": 7}
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_document_was_never_readable_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        modes.append(stat.S_IMODE(self.stat().st_mode))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    Document(tmp_path / "keys.json", private=True).write({})
    assert modes == [0o600]


def test_the_rest_of_a_command_that_was_killed_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / ".answer.json.part").write_text("half")
    Document(tmp_path / "answer.json", private=False).write({})
    assert [path.name for path in tmp_path.iterdir()] == ["answer.json"]


def test_a_place_that_can_not_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Document(tmp_path / "nowhere" / "answer.json", private=False)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        Document(pipe, private=False).write({"stones": 7})
        assert msgspec.json.decode(os.read(reader, 1000)) == {"stones": 7}
    finally:
        os.close(reader)
    assert pipe.is_fifo()
