from pathlib import Path

from pioreactor.storage.paths import Paths


def test_an_empty_environment_gives_the_production_layout() -> None:
    paths = Paths.from_environment({})
    assert paths.database == Path("/home/pioreactor/.pioreactor/storage/pioreactor.sqlite")
    assert paths.volatile_store == Path("/run/pioreactor/cache/local_intermittent_pioreactor_metadata.sqlite")
    assert paths.global_config == Path("/home/pioreactor/.pioreactor/config.ini")
    assert paths.local_config == Path("/home/pioreactor/.pioreactor/unit_config.ini")


def test_every_file_follows_the_two_roots() -> None:
    paths = Paths.from_environment({"DOT_PIOREACTOR": "/a", "RUN_PIOREACTOR": "/b", "PIO_LOG_FILE": "/a/log"})
    values = [getattr(paths, name) for name in dir(Paths) if isinstance(getattr(Paths, name), property)]
    values += [getattr(paths, name) for name in Paths.__dataclass_fields__]
    assert len(values) >= 20
    assert all(str(value).startswith(("/a", "/b")) for value in values)


def test_single_files_can_be_elsewhere_and_empty_means_absent() -> None:
    paths = Paths.from_environment({"DOT_PIOREACTOR": "/a", "GLOBAL_CONFIG": "/c.ini", "LOCAL_CONFIG": ""})
    assert paths.global_config == Path("/c.ini")
    assert paths.local_config == Path("/a/unit_config.ini")
