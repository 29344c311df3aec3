"""Accounts: hashes that fit, rights that end at a unit's own name, names that cannot be abused."""

import pytest

from pioreactor.exc import InvalidRequestError
from pioreactor.messaging.accounts import (
    Account,
    hash_password,
    make_password,
    password_file,
    permission_file,
    read_passwords,
    read_permissions,
    verify_password,
)

ACCOUNTS = [Account("leader1", "L", "leader"), Account("unit1", "U"), Account("anna", "A", "viewer")]


def test_a_known_hash_of_mosquitto_passwd() -> None:
    # what mosquitto_passwd 2.0.11 wrote for "raspberry"
    hashed = (
        "$7$101$s8378el91nkYx8cf$"
        "mFRhG1QUh9YFs0uYknvkeXmLire80e7Gz4UYmKBe9lVUH6zWabqmScaSEhnnVJ/j1de8ec47IsiPFLxhzb/pLA=="
    )
    assert verify_password("raspberry", hashed)
    assert not verify_password("strawberry", hashed)


def test_passwords_match_only_their_own_hash() -> None:
    hashed = hash_password("µ-secret")
    assert verify_password("µ-secret", hashed)
    assert not verify_password("µ-secres", hashed)
    assert hash_password("µ-secret") != hashed


@pytest.mark.parametrize("broken", ["", "$6$a$b", "$7$x$AAAA$AAAA", "$7$101$A$A", "plain", "$7$0$AAAA$AAAA"])
def test_malformed_hashes_match_nothing(broken: str) -> None:
    assert not verify_password("", broken)
    assert not verify_password("x", broken)


def test_files_hold_no_plain_passwords() -> None:
    secret = make_password()
    text = password_file([Account("unit1", secret)])
    assert secret not in text
    assert secret not in repr(Account("unit1", secret))
    assert verify_password(secret, read_passwords(text)["unit1"])


@pytest.mark.parametrize(
    ("account", "topic", "read", "write"),
    [
        ("leader1", "pioreactor/unit1/exp/stirring/target_rpm/set", True, True),
        ("leader1", "pioreactor/$broadcast/exp/stirring/target_rpm/set", True, True),
        ("leader1", "$SYS/broker/uptime", True, False),
        ("unit1", "pioreactor/unit1/exp/stirring/target_rpm/set", True, True),
        ("unit1", "pioreactor/unit1/exp/stirring/$state", True, True),
        ("unit1", "pioreactor/unit10/exp/stirring/$state", True, False),
        ("unit1", "pioreactor/unit2/exp/stirring/target_rpm/set", True, False),
        ("unit1", "pioreactor/$broadcast/exp/stirring/target_rpm/set", True, False),
        ("unit1", "elsewhere", False, False),
        ("anna", "pioreactor/unit2/exp/od_reading/ods", True, False),
        ("anna", "pioreactor/anna/exp/a", True, False),
    ],
)
def test_permissions(account: str, topic: str, read: bool, write: bool) -> None:
    rights = read_permissions(permission_file(ACCOUNTS))[account]
    assert (rights.may_read(topic), rights.may_write(topic)) == (read, write)


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a:b", "a\ntopic readwrite #", "a b", "$broadcast", "x" * 65])
def test_account_names_that_would_corrupt_the_files_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError):
        Account(name, "secret")


def test_an_account_needs_a_password() -> None:
    with pytest.raises(InvalidRequestError):
        Account("unit1", "")
