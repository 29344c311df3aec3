"""Stills become a film where ffmpeg is installed; without it the error names the remedy, and nothing is left."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pioreactor.exc import ConflictError, NotFoundError, StorageError
from pioreactor.exports.film import make_film
from pioreactor.processes.system_command import SystemCommandError


def test_stills_are_given_to_ffmpeg_in_their_order(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def run(command: Sequence[str]) -> str:
        folder = Path(command[command.index("-i") + 1]).parent
        seen.extend(path.read_bytes() for path in sorted(folder.glob("*.jpg")))
        Path(command[-1]).write_bytes(b"film")
        assert command[command.index("-framerate") + 1] == "5"
        return ""

    target = tmp_path / "exports" / "film.mp4"
    assert make_film(target, iter([b"1", b"2", b"3"]), stills_per_s=5, run=run) == 3
    assert (seen, target.read_bytes()) == ([b"1", b"2", b"3"], b"film")
    assert [path.name for path in target.parent.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (SystemCommandError("ffmpeg is not installed", is_missing=True), ConflictError, "not installed"),
        (SystemCommandError("Unknown encoder", stderr="Unknown encoder"), StorageError, "Unknown encoder"),
    ],
)
def test_nothing_is_left_of_a_film_that_was_not_made(
    tmp_path: Path, error: SystemCommandError, kind: type[Exception], says: str
) -> None:
    def run(command: Sequence[str]) -> str:
        Path(command[-1]).write_bytes(b"half")
        raise error

    with pytest.raises(kind, match=says):
        make_film(tmp_path / "film.mp4", [b"1"], run=run)
    with pytest.raises(NotFoundError, match="no stills"):
        make_film(tmp_path / "film.mp4", [], run=run)
    assert list(tmp_path.iterdir()) == []
