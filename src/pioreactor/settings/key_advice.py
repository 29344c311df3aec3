"""Keys that have no effect as they are written: other case, misspelled, retired. Where the meaning is the same, the
value is used under the present name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from pioreactor.did_you_mean import nearest
from pioreactor.settings.fields import BLANK, FieldDescription, NotAcceptedError, describe, read
from pioreactor.settings.ini import Sections
from pioreactor.settings.schema import MAPS, SECTIONS

LIKENESS = 0.8
"""Likeness from which a key is taken for another one, which may be in force."""
InForce = Callable[[str, str], str | None]
"""Return the value in force of a section's key, None if there is none."""

MOVED: Final = {
    ("stirring", "target_rpm"): ("stirring.config", "initial_target_rpm"),
    ("od_config", "samples_per_second"): ("od_reading.config", "samples_per_second"),
    ("od_config", "ir_led_intensity"): ("od_reading.config", "ir_led_intensity"),
}
"""Retired key → present key of the same meaning."""

RETIRED: Final = {
    ("cluster.inventory", ""): "units are registered in the leader's database: `pio workers add`",
    ("growth_rate_kalman", ""): "the noise is estimated from the readings, see [growth_rate_calculating.config]",
    ("turbidostat.config", "signal_channel"): "see [dosing_automation.turbidostat] biomass_signal",
    ("bioreactor", "max_volume_ml"): "the volume belongs to the unit's model: `pio workers update-model`",
    ("bioreactor", "max_working_volume_ml"): "the volume belongs to the unit's model: `pio workers update-model`",
}
"""Retired key (blank: every key of the section) → what is there instead."""


class Advice(NamedTuple):
    """A key without effect: where it stands, and what stands in its place, if that is known."""

    where: str
    section: str
    key: str
    present: tuple[str, str] | None = None
    is_used: bool = False
    note: str = ""

    def message(self, in_force: InForce) -> str:
        """Return the warning, with the present name and the value in force."""
        place = f"{self.where}: [{self.section}] {self.key}"
        if self.present is None:
            return f"{place} has no effect{': ' + self.note if self.note else ''}."
        section, key = self.present
        name = key if section == self.section else f"[{section}] {key}"
        if self.is_used:
            return f"{place} is now {name}; its value is used. Rename it."
        value = in_force(section, key)
        return f"{place} is unknown. Did you mean {name}? In force: {'blank' if value is None else value}."


def adopt(where: str, sections: Sections) -> tuple[Sections, list[Advice]]:
    """Return the sections of one file with the values of other-case and moved keys under their present names as well.

    A value under its present name wins. The written keys stay, for plugins that read them.
    """
    adopted = {name: dict(keys) for name, keys in sections.items()}
    advice = []
    for section, keys in sections.items():
        for key, value in keys.items():
            found = _obsolete(where, section, key, value) or _advice(where, section, key)
            if found is None:
                continue
            if found.is_used and found.present is not None:
                present_section, present_key = found.present
                target = adopted.setdefault(present_section, {})
                if present_key in target:
                    found = found._replace(is_used=False)
                else:
                    target[present_key] = value
            advice.append(found)
    return adopted, advice


def _obsolete(where: str, section: str, key: str, value: str | None) -> Advice | None:
    """Return the advice for a key that is accepted and not read, unless its value is the shipped one."""
    field = obsolete_keys().get((section, key))
    if field is None or value in BLANK or _is_default(value, field):
        return None
    return Advice(where, section, key, note=field.obsolete)


@cache
def obsolete_keys() -> dict[tuple[str, str], FieldDescription]:
    """Return the keys that are accepted and not read, by section and key."""
    return {
        (name, field.key): field for name, (_, type_) in SECTIONS.items() for field in describe(type_) if field.obsolete
    }


def _is_default(value: str | None, field: FieldDescription) -> bool:
    try:
        return read(value, field.type) == field.default
    except NotAcceptedError:
        return False


def _advice(where: str, section: str, key: str) -> Advice | None:
    """Return the advice for a key as it is written; None for one that is known, or belongs to nothing of ours."""
    if (section, key) in MOVED:
        return Advice(where, section, key, MOVED[section, key], is_used=True)
    retired = RETIRED.get((section, key), RETIRED.get((section, "")))
    if retired is not None:
        return Advice(where, section, key, note=retired)
    known_section = section if section in SECTIONS or section in MAPS else _same_but_case(section, _section_names())
    if known_section is None:
        near = nearest(section, _section_names(), likeness=LIKENESS)
        return None if near is None else Advice(where, section, key, (near, key))
    if known_section in MAPS:
        return None if known_section == section else Advice(where, section, key, (known_section, key), is_used=True)
    return _advice_in_section(where, section, key, known_section)


def _advice_in_section(where: str, section: str, key: str, known_section: str) -> Advice | None:
    known = [field.key for field in describe(SECTIONS[known_section][1])]
    same = key if key in known else _same_but_case(key, known)
    if same is not None:
        return None if (known_section, same) == (section, key) else Advice(
            where, section, key, (known_section, same), is_used=True
        )  # fmt: skip
    near = nearest(key, known, likeness=LIKENESS)
    return None if near is None else Advice(where, section, key, (known_section, near))


def _section_names() -> list[str]:
    return [*SECTIONS, *MAPS]


def _same_but_case(word: str, known: Sequence[str]) -> str | None:
    matching: Iterator[str] = (each for each in known if each.casefold() == word.casefold())
    return next(matching, None)
