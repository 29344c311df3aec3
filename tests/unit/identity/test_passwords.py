"""Hashes of passwords."""

from pioreactor.identity.passwords import generate_password, hash_password, verify_password


def test_password_hashes_verify() -> None:
    password = generate_password()
    stored = hash_password(password)
    assert verify_password(password, stored)
    assert not verify_password(password + "x", stored)
    assert not verify_password(password, "scrypt$nonsense")
    assert not verify_password("", "")
    assert hash_password(password) != stored
