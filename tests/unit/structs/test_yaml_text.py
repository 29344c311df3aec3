"""Limits on the YAML that people send."""

import msgspec
import pytest

from pioreactor.structs.yaml_text import MAX_CHARACTERS, MAX_DEPTH, InvalidYAMLError, read_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MERGE_BOMB = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    "text",
    [
        "- " * 30_000,
        "[" * 50_000,
        "{a: " * 50_000,
        "? " * 30_000,
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        BOMB,
        MERGE_BOMB,
        "a: &a [*a]",
        "a: *unknown",
        "[" + "1, " * 100_001 + "]",
        " " * (MAX_CHARACTERS + 1),
        "a: " + "9" * 10_000,
        "a: 2026-13-45",
        "a: !!int ''",
        "a: !!bool maybe",
        "a: !!timestamp x",
        "a: !!python/object/apply:os.getpid []",
        "a: [",
        "a: \x00",
        "? [a]\n: b",
    ],
)
def test_text_that_exceeds_a_limit_or_is_malformed_is_refused(text: str) -> None:
    with pytest.raises(InvalidYAMLError):
        read_yaml(text)


def test_the_place_of_an_error_is_named() -> None:
    with pytest.raises(InvalidYAMLError, match="line 1, column 201: nested more than 100 deep"):
        read_yaml("- " * 30_000)


def test_ordinary_text_with_aliases_is_read() -> None:
    text = "fast: &fast {rpm: 500}\nslow: {<<: *fast, rpm: 100}\nboth: [*fast, *fast]\nday: 2026-11-28\n"
    content = read_yaml(text)
    assert isinstance(content, dict)
    assert content["slow"] == {"rpm": 100}
    assert content["both"] == [{"rpm": 500}, {"rpm": 500}]
    assert read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


def test_content_of_another_type_is_refused() -> None:
    assert read_yaml("{a: 1}", dict[str, int]) == {"a": 1}
    with pytest.raises(msgspec.ValidationError):
        read_yaml("[1]", dict[str, int])
