"""Tables of a judgment: for each fault how often, how fast and how rightly it was found, and what was said instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from bench.diagnosis.causes import CASES, NOTHING, OTHER
from bench.diagnosis.course import Outcome

FALSE_ALARM_DAYS = 30.0


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}" if whole else "–"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def print_causes(outcomes: Sequence[Outcome]) -> None:
    """Print the share of right causes and of those in time, and the median delay of right ones."""
    print(
        "\n| fault | cases | right cause, % | in time, % | median doses | median minutes |\n|---|---|---|---|---|---|"
    )
    for name, case in CASES.items():
        mine = [outcome for outcome in outcomes if outcome.case == name]
        right = [outcome for outcome in mine if outcome.is_right]
        if not mine:
            continue
        if case.expected == NOTHING:
            print(_row([f"{name} (no fault)", len(mine), _percent(len(right), len(mine)), "", "", ""]))
            continue
        doses = f"{median(outcome.doses for outcome in right):.0f}" if right and case.needs_doses else ""
        minutes = f"{median(outcome.delay_s for outcome in right) / 60:.1f}" if right else ""
        in_time = sum(outcome.is_in_time for outcome in mine)
        print(_row([name, len(mine), _percent(len(right), len(mine)), _percent(in_time, len(mine)), doses, minutes]))
    print_total([outcome for outcome in outcomes if outcome.expected != NOTHING])


def print_total(faults: Sequence[Outcome]) -> None:
    right, in_time = sum(o.is_right for o in faults), sum(o.is_in_time for o in faults)
    print(_row(["all faults", len(faults), _percent(right, len(faults)), _percent(in_time, len(faults)), "", ""]))


def print_matrix(outcomes: Sequence[Outcome]) -> None:
    """Print how often each fault led to each first cause."""
    judged = [outcome for outcome in outcomes if outcome.case != "healthy"]
    found = sorted({outcome.found for outcome in judged}, key=lambda cause: (cause == NOTHING, cause == OTHER, cause))
    print("\n" + _row(["fault \\ said first", *found]))
    print("|---" * (len(found) + 1) + "|")
    for name in CASES:
        counts = Counter(outcome.found for outcome in judged if outcome.case == name)
        if counts:
            print(_row([name, *(counts[cause] if counts[cause] else "" for cause in found)]))


def print_activities(outcomes: Sequence[Outcome]) -> None:
    """Print, for each activity and fault, how many were found right and in time."""
    for activity in sorted({outcome.activity for outcome in outcomes}):
        faults = [o for o in outcomes if o.activity == activity and o.expected != NOTHING]
        print(f"{activity:28} right {sum(o.is_right for o in faults)}, in time {sum(o.is_in_time for o in faults)}"
              f" of {len(faults)}")  # fmt: skip


def print_false_alarms(outcomes: Sequence[Outcome]) -> None:
    """Print false alarms in healthy time, and their sentences."""
    healthy = [outcome for outcome in outcomes if outcome.case == "healthy"]
    days = sum(outcome.hours for outcome in healthy) / 24
    false = [outcome for outcome in healthy if outcome.found not in (NOTHING, OTHER)]
    vague = [outcome for outcome in healthy if outcome.found == OTHER]
    rate = FALSE_ALARM_DAYS * len(false) / days if days else 0.0
    print(f"\nhealthy: {days:.1f} unit-days, {len(false)} false causes ({rate:.2f} in 30 unit-days),"
          f" {len(vague)} with other messages")  # fmt: skip
    for outcome in [*false, *vague]:
        print(f"  {outcome.activity}, seed {outcome.seed}, {outcome.found}: {outcome.sentence[:110]}")
