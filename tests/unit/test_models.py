"""Models: the seven built in, and a laboratory's own."""

from pathlib import Path

import pytest

from pioreactor.exc import ConfigurationError, NotFoundError
from pioreactor.models import BUILTIN_MODELS, DEFAULT_MODEL, find_model, load_models

GOOD = """
model_name: big_vial
model_version: 1.10
display_name: Our big vial
reactor_capacity_ml: 100
reactor_max_fill_volume_ml: 90.5
reactor_diameter_mm: 40
max_temp_to_reduce_heating: 50
max_temp_to_disable_heating: 55
max_temp_to_shutdown: 60
"""


def test_seven_are_built_in() -> None:
    assert [(m.model_name, m.model_version, m.is_legacy) for m in load_models(None)] == [
        ("pioreactor_20ml", "1.0", True),
        ("pioreactor_20ml", "1.1", True),
        ("pioreactor_20ml", "1.5", False),
        ("pioreactor_20ml_XR", "1.5", False),
        ("pioreactor_40ml", "1.0", True),
        ("pioreactor_40ml", "1.5", False),
        ("pioreactor_40ml_XR", "1.5", False),
    ]
    assert not any(model.is_contrib for model in BUILTIN_MODELS)
    assert {m.reactor_diameter_mm for m in BUILTIN_MODELS} == {27.0}


@pytest.mark.parametrize(
    ("name", "version", "volumes", "temperatures"),
    [
        ("pioreactor_20ml", "1.0", (20, 18), (63, 65, 66)),
        ("pioreactor_20ml", "1.1", (20, 18), (78, 80, 85)),
        ("pioreactor_40ml", "1.0", (40, 33), (78, 80, 85)),
        ("pioreactor_40ml", "1.5", (40, 33), (78, 80, 85)),
        ("pioreactor_40ml_XR", "1.5", (40, 33), (78, 80, 85)),
    ],
)
def test_limits(name: str, version: str, volumes: tuple[float, ...], temperatures: tuple[float, ...]) -> None:
    model = find_model(load_models(None), name, version)
    assert (model.reactor_capacity_ml, model.reactor_max_fill_volume_ml) == volumes
    assert temperatures == (
        model.max_temp_to_reduce_heating,
        model.max_temp_to_disable_heating,
        model.max_temp_to_shutdown,
    )


def test_default_model_exists_and_only_xr_has_four_photodiodes() -> None:
    assert find_model(BUILTIN_MODELS, *DEFAULT_MODEL).has_four_photodiodes is False
    assert find_model(BUILTIN_MODELS, "pioreactor_20ml_XR", "1.5").has_four_photodiodes


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match=r"pioreactor_20ml 9\.9") as caught:
        find_model(BUILTIN_MODELS, "pioreactor_20ml", "9.9")
    assert "pioreactor_40ml 1.5" in str(caught.value.remedy)


def test_a_laboratory_adds_a_model(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text(GOOD + "is_contrib: false\n")
    models = load_models(tmp_path)
    assert len(models) == 8
    big = find_model(models, "big_vial", "1.10")
    assert big.reactor_max_fill_volume_ml == 90.5
    assert big.is_contrib is True


def test_a_laboratory_overrides_a_built_in_model(tmp_path: Path) -> None:
    described = GOOD.replace("big_vial", "pioreactor_20ml").replace("1.10", '"1.5"')
    (tmp_path / "mine.yml").write_text(described)
    models = load_models(tmp_path)
    assert len(models) == 7
    assert find_model(models, "pioreactor_20ml", "1.5").reactor_capacity_ml == 100


def test_a_missing_folder_is_no_error(tmp_path: Path) -> None:
    assert load_models(tmp_path / "none") == BUILTIN_MODELS


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (GOOD.replace("reactor_capacity_ml: 100", "reactor_capacity_ml: much"), "reactor_capacity_ml"),
        (GOOD.replace("reactor_capacity_ml: 100", "reactor_capacity_ml: -1"), "reactor_capacity_ml"),
        (GOOD.replace("reactor_diameter_mm: 40\n", ""), "reactor_diameter_mm"),
        (GOOD + "color: red\n", "color"),
        (GOOD.replace("90.5", "100.5"), "reactor_max_fill_volume_ml"),
        (GOOD.replace("max_temp_to_shutdown: 60", "max_temp_to_shutdown: 54"), "max_temp_to_shutdown"),
        (GOOD.replace("max_temp_to_shutdown: 60", "max_temp_to_shutdown: nan"), "max_temp_to_shutdown"),
        ("just text", "Expected `object`"),
        ("a: [", "cannot be read"),
        ("", "Expected `object`"),
    ],
)
def test_a_malformed_file_is_named_with_its_field(tmp_path: Path, described: str, reason: str) -> None:
    (tmp_path / "broken.yaml").write_text(described)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        load_models(tmp_path)
    assert "broken.yaml" in str(caught.value)
