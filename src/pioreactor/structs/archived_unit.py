"""Units of an experiment, as its archive lists them."""

import msgspec

UNITS_FILE = "units.json"
"""Name in the archive."""


class ArchivedUnit(msgspec.Struct, frozen=True):
    """A unit that took part, with its model where it is known."""

    pioreactor_unit: str
    model_name: str | None = None
    model_version: str | None = None

    @property
    def model(self) -> tuple[str, str] | None:
        if self.model_name is None or self.model_version is None:
            return None
        return self.model_name, self.model_version
