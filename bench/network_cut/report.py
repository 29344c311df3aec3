"""What `bench.network_cut` counts, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

WORDS = ("kind", "heard_after_s", "put_right_last")
"""Fields of a cut that have no column."""


@dataclass
class CutReport:
    """What one cut cost. Seconds are of real time, but for those that log otherwise."""

    kind: str
    cut_s: float
    cut_unit_s: float
    """The same in the unit's time."""
    readings: int = 0
    """Of OD that were made during the cut."""
    doses: int = 0
    """Records of media that was added; a dose has one for each second of pumping."""
    longest_pause_unit_s: float = 0.0
    """Between two OD readings of the cut, in the unit's time."""
    usual_pause_unit_s: float = 0.0
    """The longest of as long a time before."""
    growth_rates: int = 0
    """Estimated during the cut, by a job that receives the OD readings of another."""
    longest_growth_pause_unit_s: float = 0.0
    """Between two estimates, in the unit's time."""
    coldest_celsius: float = 0.0
    warmest_celsius: float = 0.0
    waiting: int = 0
    """Records that the leader did not have when the cut was healed."""
    lost_said_after_s: float | None = None
    """From the cut until the leader said that a job was lost; None: never."""
    states_true_after_s: float = 0.0
    """From healing until the leader's states were the truth and stayed it."""
    put_right_last: list[str] = field(default_factory=list)
    """What was false until then."""
    records_safe_after_s: float = 0.0
    """From healing until the leader had everything recorded before it."""
    said_safe_after_s: float = 0.0
    """From healing until the unit said that everything recorded before it is safe."""
    heard_after_s: dict[str, float] = field(default_factory=dict)
    """From healing until the first message of each job."""
    reachable_after_s: float = 0.0
    """From healing until the leader's page could ask the unit's API."""


@dataclass
class Report:
    """What was counted in all."""

    cuts: list[CutReport] = field(default_factory=list)
    entries: int = 0
    entries_missing_in_journal: int = 0
    rows: int = 0
    lost: int = 0
    duplicated: int = 0
    lost_or_doubled: list[str] = field(default_factory=list)
    """The first of them, in words."""
    lies: list[str] = field(default_factory=list)
    """What was falsely said of jobs after the network was whole and everything had been put right."""
    longest_on_without_owner_s: float = 0.0


def table(report: Report) -> str:
    """Return what was counted as text for docs."""
    names = [name for name in asdict(report.cuts[0]) if name not in WORDS] if report.cuts else []
    lines = [f"{'':<28}" + "".join(f"{cut.kind:>12}" for cut in report.cuts)]
    for name in names:
        lines.append(f"{name:<28}" + "".join(f"{_shown(getattr(cut, name)):>12}" for cut in report.cuts))
    slowest = [max(cut.heard_after_s.values()) for cut in report.cuts]
    lines.append(f"{'every job received after_s':<28}" + "".join(f"{value:>12g}" for value in slowest))
    whole = {name: value for name, value in asdict(report).items() if name != "cuts"}
    return "\n".join([*lines, "", *(f"{name:<28}{_shown(value):>12}" for name, value in whole.items())])


def _shown(value: object) -> str:
    return "none" if value in (None, []) else f"{value:g}" if isinstance(value, float) else str(value)
