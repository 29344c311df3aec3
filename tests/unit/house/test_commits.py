"""Subjects of commits fit into 72 characters."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
SINCE = "fd4ec14"
"""The commit that introduced the rule."""
MAX_SUBJECT = 72


def test_subjects_are_short() -> None:
    command = ["git", "log", "--no-merges", "--format=%s", f"{SINCE}..HEAD"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode != 0:  # a source archive or a shallow clone has no such history
        assert not (ROOT / ".git").exists() or (ROOT / ".git" / "shallow").exists(), answer.stderr
        return
    subjects = answer.stdout.splitlines()
    assert [subject for subject in subjects if len(subject) > MAX_SUBJECT or subject.endswith(".")] == []
