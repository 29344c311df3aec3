"""Commits have a short subject in the imperative, and a body that says why."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SINCE = "fd4ec14"
"""The commit that introduced the rule of subjects."""
BODIES_SINCE = "ba817b9"
"""The commit that introduced the rule of bodies."""
MAX_SUBJECT = 72
NOT_IMPERATIVE = re.compile(r"\w+(ed|ing)\b|[a-z]|\W")


def log(since: str, format_: str) -> list[str]:
    """Return one text per commit after `since`; none in a source archive or a shallow clone, which lack the history."""
    command = ["git", "log", "-z", "--no-merges", f"--format={format_}", f"{since}..HEAD"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        assert not (ROOT / ".git").exists() or (ROOT / ".git" / "shallow").exists(), answer.stderr
        return []
    return [text for text in answer.stdout.split("\0") if text]


def is_subject(text: str) -> bool:
    return len(text) <= MAX_SUBJECT and not text.endswith(".") and NOT_IMPERATIVE.match(text) is None


def test_subjects_are_short_and_imperative() -> None:
    assert [subject for subject in log(SINCE, "%s") if not is_subject(subject)] == []


def test_bodies_say_why() -> None:
    assert [text for text in log(BODIES_SINCE, "%s%n%n%b") if len(text.strip().splitlines()) < 3] == [], (
        "say why: git rebase -i main, and reword"
    )


@pytest.mark.parametrize("subject", ["Added a job", "Fixing it", "add a job", "Add a job.", "(ui) Add", "A" * 73])
def test_other_subjects_are_found(subject: str) -> None:
    assert not is_subject(subject)
