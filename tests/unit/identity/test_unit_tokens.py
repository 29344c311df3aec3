"""The cluster's token."""

from typing import Any

from pioreactor.identity import unit_tokens as tokens


def test_the_token_is_generated_once_with_mode_0600(tmp_path: Any) -> None:
    folder = tmp_path / "secrets"
    assert tokens.read_token(folder) is None
    token = tokens.ensure_token(folder)
    assert len(token) > 30
    assert tokens.ensure_token(folder) == token == tokens.read_token(folder)
    assert (folder / tokens.FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
