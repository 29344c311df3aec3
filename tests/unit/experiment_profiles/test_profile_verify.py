"""What is said of a profile before it is carried out."""

import re
from pathlib import Path
from typing import NoReturn

import click
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pioreactor.cli import run
from pioreactor.experiment_profiles.availability import OF_PRESENT_CLUSTER
from pioreactor.experiment_profiles.profile_struct import InvalidProfileError, read_profile
from pioreactor.experiment_profiles.validate import verify
from pioreactor.job_catalog import ACTION_OPTIONS, JOBS
from pioreactor.jobs.settings import Setting
from pioreactor.models import BUILTIN_MODELS, DEFAULT_MODEL, find_model

ROOT = Path(__file__).resolve().parents[3]
HEAD = 'version: "1.0"\nexperiment_profile_name: trial\n'


def codes(text: str, **more: object) -> list[tuple[str, str]]:
    return [(found.code, found.path) for found in verify(text, **more).diagnostics]  # type: ignore[arg-type]


def stirring(*actions: str) -> str:
    lines = "".join(f"        - {{{action}}}\n" for action in actions)
    return f"{HEAD}common:\n  jobs:\n    stirring:\n      actions:\n{lines}"


def test_a_sound_profile_is_ok() -> None:
    text = stirring(
        "type: start, t: 0, options: {target_rpm: 400}",
        "type: update, t: 1.5h, options: {target_rpm: '${{ ::stirring:target_rpm + 50 }}'}",
        "type: when, t: 2m, wait_until: '::stirring:target_rpm > 420', actions: [{type: log, t: 0, "
        "options: {message: 'now ${{ ::stirring:target_rpm }}'}}]",
        "type: repeat, hours_elapsed: 3, every: 30m, max_time: 2d, "
        "actions: [{type: pause, t: 5m}, {type: resume, t: 9m}]",
        "type: stop, t: 4d, if: 'hours_elapsed() > 1'",
    )
    verdict = verify(text)
    assert (verdict.ok, verdict.diagnostics) == (True, [])
    assert verdict.normalized_profile is not None


@pytest.mark.parametrize(
    ("action", "code", "place"),
    [
        ("type: start, t: 1, hours_elapsed: 1", "action.time.conflict", ""),
        ("type: start", "action.time.missing", ""),
        ("type: start, t: soon", "time.invalid", ".t"),
        ("type: start, t: 5 m", "time.invalid", ".t"),
        ("type: start, t: -1", "time.negative", ".t"),
        ("type: start, t: 0, if: '1 <'", "expression.syntax", ".if"),
        ("type: start, t: 0, if: 'warm and true'", "expression.unknown_name", ".if"),
        (
            "type: start, t: 0, options: {target_rpm: '${{ fast * 2 }}'}",
            "expression.unknown_name",
            ".options.target_rpm",
        ),
        ("type: when, t: 0, actions: []", "when.condition.missing", ""),
        ("type: when, t: 0, wait_until: '1 > 0', condition: '1 > 0'", "when.condition.ambiguous", ".condition"),
        ("type: repeat, t: 0, actions: []", "repeat.every.missing", ""),
        ("type: repeat, t: 0, every: 0s", "time.non_positive", ".every"),
        ("type: repeat, t: 0, every: 1, repeat_every_hours: 2", "repeat.every.ambiguous", ".every"),
        (
            "type: repeat, t: 0, every: 1h, actions: [{type: log, t: 2h, options: {message: x}}]",
            "repeat.unreachable_action",
            ".actions[0].t",
        ),
        ("type: log, t: 0, options: {message: 'x ${{ 1 + }}'}", "expression.syntax", ".options.message"),
        ("type: log, t: 0, options: {message: x, level: loud}", "log.level.invalid", ".options.level"),
        ("type: stop, t: 1", "job.ordering.before_start", ""),
    ],
)
def test_each_mistake_has_a_code_and_a_place(action: str, code: str, place: str) -> None:
    assert (code, f"common.jobs.stirring.actions[0]{place}") in codes(stirring(action))


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("a: [", "profile.invalid", ""),
        ('version: "2.0"\nexperiment_profile_name: x\n', "profile.version", "version"),
        (stirring("type: begin, t: 0"), "profile.invalid", "common.jobs.stirring.actions[0].type"),
        (f"{HEAD}comon: {{}}\n", "profile.unknown_key", "comon"),
        (f"{HEAD}plugins: [{{name: x, version: newest}}]\n", "plugin.version.invalid", "plugins[0].version"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, code: str, path: str) -> None:
    verdict = verify(text)
    assert not verdict.ok
    assert (code, path) in [(found.code, found.path) for found in verdict.diagnostics]


def test_unknown_jobs_and_options_are_told_with_the_nearest() -> None:
    text = stirring("type: start, t: 0, options: {target-rmp: 400}").replace("stirring:", "stiring:")
    found = verify(text, jobs={"stirring": ["target_rpm"]}).diagnostics
    assert [(one.code, one.hint) for one in found] == [("job.unknown", "Is 'stirring' meant?")]
    found = verify(
        stirring("type: start, t: 0, options: {target-rmp: 400}"), jobs={"stirring": ["target_rpm"]}
    ).diagnostics
    assert [(one.code, one.hint) for one in found] == [("option.unknown", "It has: target_rpm.")]


def test_leds_cannot_be_resumed() -> None:
    text = stirring("type: resume, t: 1").replace("stirring:", "led_intensity:")
    assert ("led_intensity.resume", "common.jobs.led_intensity.actions[0].type") in codes(text)


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("a: [", "This is not valid YAML: line 2, column 1: did not find expected node content", None),
        ("experiment_profile_name: x\n", "Missing `version`", 'Add `version: "1.0"` at the top.'),
        ('version: "1.0"\n', "Missing `experiment_profile_name`", "Add `experiment_profile_name`."),
    ],
)
def test_errors_of_reading_name_the_place_and_the_remedy(text: str, message: str, remedy: str | None) -> None:
    with pytest.raises(InvalidProfileError) as raised:
        read_profile(text)
    assert (str(raised.value), raised.value.remedy) == (message, remedy)


def automation(kind: str, *actions: str) -> str:
    return stirring(*actions).replace("stirring:", f"{kind}_automation:")


@pytest.mark.parametrize(
    "text",
    [
        automation("temperature", "type: start, t: 0, options: {automation_name: thermostat, target_temperature: 30}"),
        automation(
            "dosing",
            "type: start, t: 0, options: {automation_name: chemostat, exchange_volume_ml: 0.6, duration: 9, "
            "skip_first_run: 1}",
            "type: update, t: 1, options: {duration: '${{ 3 * 4 }}'}",
        ),
    ],
)
def test_right_options_of_automations_are_not_doubted(text: str) -> None:
    assert codes(text) == []
    assert codes(text, jobs={"temperature_automation": ["automation_name"], "dosing_automation": []}) == []


@pytest.mark.parametrize(
    ("text", "code", "is_ok"),
    [
        (stirring("type: start, t: 0, options: {target_rpm: 90000}"), "option.value", False),
        (stirring("type: start, t: 0, options: {target_rpm: fast}"), "option.value", False),
        (stirring("type: start, t: 0, options: {target_rpmm: 300}"), "option.unknown", True),
        (
            automation("temperature", "type: start, t: 0, options: {automation_name: thermostat, "
            "target_temperature: 370}"),
            "option.value", False,
        ),
        (
            automation("dosing", "type: start, t: 0, options: {automation_name: chemostat, volume: 1}"),
            "option.unknown", False,
        ),
        (automation("dosing", "type: start, t: 0, options: {automation_name: chemostad}"), "automation.unknown", True),
    ],
)  # fmt: skip
def test_options_are_compared_with_what_jobs_declare(text: str, code: str, is_ok: bool) -> None:
    verdict = verify(text)
    assert ([found.code for found in verdict.diagnostics], verdict.ok) == ([code], is_ok)


MODEL_20ML = find_model(BUILTIN_MODELS, "pioreactor_20ml", "1.0")
UNITS = {"worker1": MODEL_20ML, "worker2": find_model(BUILTIN_MODELS, *DEFAULT_MODEL)}

BUBBLER = "common: {jobs: {bubbler: {actions: [{type: start, t: 0}]}}}\n"
BUBBLER_ON_1 = "pioreactors: {worker1: {jobs: {bubbler: {actions: [{type: start, t: 0}]}}}}\n"
PULSE = (
    "common: {jobs: {dosing_automation: {actions: [{type: start, t: 0, options: {automation_name: pulse, ml: 1}}]}}}\n"
)


@pytest.mark.parametrize(
    ("body", "runnable", "severity", "words"),
    [
        (BUBBLER, {"worker1": ["bubbler"], "worker2": ["bubbler"]}, None, ""),
        (BUBBLER, {"worker1": ["bubbler"], "worker2": []}, "warning", "no job 'bubbler' on worker2"),
        (BUBBLER, {"worker1": [], "worker2": []}, "error", "no job 'bubbler' on worker1, worker2"),
        (BUBBLER, {"worker1": []}, "warning", "no job 'bubbler' on worker1"),
        (BUBBLER, {"worker1": ["bubbler"]}, None, ""),
        (BUBBLER, {}, "warning", "no unit knows a job 'bubbler'"),
        (BUBBLER_ON_1, {"worker1": ["bubbler"], "worker2": []}, None, ""),
        (BUBBLER_ON_1, {"worker1": [], "worker2": ["bubbler"]}, "error", "no job 'bubbler' on worker1"),
        (BUBBLER_ON_1, {"worker2": ["bubbler"]}, "warning", "no unit knows a job 'bubbler'"),
        (PULSE, {"worker1": ["dosing_automation/pulse"], "worker2": ["dosing_automation/pulse"]}, None, ""),
        (PULSE, {"worker1": [], "worker2": []}, "error", "no dosing_automation 'pulse' on worker1, worker2"),
        (PULSE, {"worker1": []}, "warning", "no dosing_automation 'pulse' on worker1"),
        (PULSE, {}, "warning", "pulse"),
    ],
)
def test_what_no_unit_that_is_there_can_run_is_an_error(
    body: str, runnable: dict[str, list[str]], severity: str | None, words: str
) -> None:
    """A unit that is off may have the plugin; one that answers has it or not."""
    jobs = {name: () for name in JOBS}
    found = verify(HEAD + body, jobs=jobs, units=UNITS, ask_units=lambda: runnable).diagnostics
    assert [one.severity for one in found] == ([severity] if severity else []), found
    if severity:
        assert words in found[0].message
        assert (found[0].line, found[0].column) != (None, None)
        assert found[0].code in OF_PRESENT_CLUSTER


def test_units_are_not_asked_for_what_is_built_in() -> None:
    def ask() -> NoReturn:
        raise AssertionError("not needed")

    text = HEAD + PULSE.replace("pulse, ml: 1", "chemostat, exchange_volume_ml: 1, duration: 9")
    assert verify(text, jobs={name: () for name in JOBS}, units=UNITS, ask_units=ask).diagnostics == []


def test_a_unit_that_is_not_in_the_inventory_is_an_error() -> None:
    text = HEAD + BUBBLER_ON_1.replace("worker1", "worker7").replace("bubbler", "stirring")
    verdict = verify(text, jobs={name: () for name in JOBS}, units=UNITS)
    assert [(one.code, one.severity) for one in verdict.diagnostics] == [("unit.unknown", "error")]
    assert not verdict.ok


FAULTY = """experiment_profile_name: many
labels: {worker1: a}
common:
  stirring:
    actions:
      - {type: start, hours_elapsed: 0}
  jobs:
    od_reading:
      actions:
        - {type: strat, t: 0}
        - type: repeat
          t: 0
          evry: 1h
          actions:
            - {type: log, t: 0, options: {}}
    stirring:
      actions:
        - {type: start, t: 0, options: {target_rpm: 90000}}
pioreactors:
  worker9:
    jobs: {add_media: {actions: [{type: start, t: 0, options: {ml: -1}}]}}
"""


def test_all_faults_are_found_at_once_each_with_its_line_and_column() -> None:
    verdict = verify(FAULTY, units=UNITS)

    assert not verdict.ok
    assert [(one.code, one.line, one.column) for one in verdict.diagnostics] == [
        ("profile.version", 1, 1),
        ("profile.retired_key", 2, 1),
        ("profile.invalid", 4, 3),
        ("profile.invalid", 10, 12),
        ("repeat.every.missing", 11, 11),
        ("profile.unknown_key", 13, 11),
        ("profile.invalid", 15, 33),
        ("option.value", 18, 41),
        ("unit.unknown", 20, 3),
        ("option.value", 21, 64),
    ]
    assert verdict.diagnostics[0].hint == 'Add `version: "1.0"` at the top.'
    assert verdict.diagnostics[2].hint == "Move it below `common.jobs`."
    assert verdict.diagnostics[3].hint == "Is `start` meant?"


@given(st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["version", "common", "pioreactors", "jobs", "actions", "type", "t", "options", "x", "metadata",
                         "inputs", "plugins"]), inner, max_size=4),
    max_leaves=20,
))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_content_gets_a_verdict_with_positions(content: object) -> None:
    verdict = verify(yaml.safe_dump(content))

    assert all(one.line is not None and one.column is not None for one in verdict.diagnostics)


LEAF: st.SearchStrategy[object] = st.sampled_from([None, True, 3, -1.5, "x", "1h", [], {}])
ACTION = st.fixed_dictionaries(
    {"type": st.sampled_from(["start", "stop", "log", "when", "repeat"]), "t": LEAF},
    optional={"options": LEAF, "actions": LEAF, "every": LEAF, "wait_until": LEAF, "if": LEAF},
)
JOB = st.fixed_dictionaries({}, optional={"actions": st.lists(ACTION, max_size=2) | LEAF, "description": LEAF})
BLOCK = st.fixed_dictionaries({"jobs": st.dictionaries(st.sampled_from(["stirring", "x"]), JOB, max_size=2) | LEAF})
PROFILE = st.fixed_dictionaries(
    {"version": st.just("1.0"), "experiment_profile_name": st.just("x") | LEAF},
    optional={"common": BLOCK | LEAF, "pioreactors": st.dictionaries(st.just("u"), BLOCK, max_size=1) | LEAF,
              "metadata": LEAF, "plugins": LEAF, "inputs": LEAF},
)  # fmt: skip


@given(PROFILE)
@settings(max_examples=200, deadline=None)
def test_what_the_check_accepts_can_be_run(content: object) -> None:
    text = yaml.safe_dump(content)
    if verify(text).ok:
        assert read_profile(text)


@pytest.mark.parametrize(
    ("job", "options", "is_ok"),
    [
        ("add_media", "{ml: 1}", True),
        ("add_media", "{ml: '${{ 2 * 3 }}'}", True),
        ("add_media", "{ml: 39}", False),
        ("add_alt_media", "{ml: -1}", False),
        ("remove_waste", "{ml: 50}", True),
        ("remove_waste", "{ml: .inf}", False),
        ("remove_waste", "{duration: -3}", False),
        ("circulate_media", "{duration: much}", False),
        ("pumps", "{media: 1, sleep: 5, waste_: 2}", True),
        ("pumps", "{media: -1}", False),
        ("temperature_automation", "{automation_name: thermostat, target_temperature: 62}", True),
        ("temperature_automation", "{automation_name: thermostat, target_temperature: 70}", False),
    ],
)
def test_volumes_and_temperatures_are_those_that_the_units_can_have(job: str, options: str, is_ok: bool) -> None:
    text = stirring(f"type: start, t: 0, options: {options}").replace("stirring:", f"{job}:")
    found = verify(text, units=UNITS, jobs={job: ()}).diagnostics

    assert [one.code for one in found] == ([] if is_ok else ["option.value"])


def test_bounds_are_those_of_the_unit_that_an_action_is_for() -> None:
    action = "{type: start, t: 0, options: {automation_name: thermostat, target_temperature: 70}}"
    text = HEAD + "pioreactors:\n  %s: {jobs: {temperature_automation: {actions: [" + action + "]}}}\n"

    assert not verify(text % "worker1", units=UNITS).ok
    assert verify(text % "worker2", units=UNITS).ok


def test_an_option_of_an_older_release_is_named_as_it_is_called_now() -> None:
    text = automation("dosing", "type: start, t: 0, options: {automation_name: chemostat, volume: 1}")

    assert [one.hint for one in verify(text).diagnostics] == ["It is called 'exchange_volume_ml' now."]


def test_an_if_on_a_reading_is_told_to_be_evaluated_once() -> None:
    assert codes(stirring("type: start, t: 0, if: '::od_reading:od2.od >= 30'")) == [
        ("if.evaluated_once", "common.jobs.stirring.actions[0].if")
    ]


def test_the_catalog_names_every_action_of_the_command_line() -> None:
    assert set(run.ENTRIES) == {*JOBS, *ACTION_OPTIONS}
    context = click.Context(run.run)
    for name, options in ACTION_OPTIONS.items():
        command = run.run.get_command(context, name)
        assert command is not None
        names = [flag.lstrip("-").replace("-", "_") for each in command.params for flag in each.opts]
        assert list(dict.fromkeys(names)) == list(options)


def command_options() -> dict[str, list[str]]:
    """Return the jobs and actions of the command line, with the options of each as profiles spell them."""
    return {**{name: [] for name in JOBS}, **{name: list(options) for name, options in ACTION_OPTIONS.items()}}


DOCS = [
    (path.name, text)
    for path in sorted((ROOT / "docs").rglob("*.md"))
    for text in re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    if "experiment_profile_name:" in text
]


@pytest.mark.parametrize(("page", "text"), DOCS)
def test_examples_of_the_docs_are_not_doubted(page: str, text: str) -> None:
    found = verify(text, units=UNITS, jobs=command_options()).diagnostics
    assert [one for one in found if one.severity != "info"] == [], page


def test_there_are_examples_in_the_docs() -> None:
    assert DOCS


class Bubbler:
    bubbles: Setting[float] = Setting(1.0, unit="1/min", ge=0, le=60)


@pytest.mark.parametrize(
    ("job", "options", "code"),
    [
        ("stirring", "{target_rpm: 500}", None),
        ("stirring", "{target_rpm: '${{ 2 * 300 }}'}", None),
        ("stirring", "{$state: sleeping}", None),
        ("stirring", "{$state: asleep}", "option.value"),
        ("stirring", "{target_rpm: 90000}", "option.value"),
        ("stirring", "{target_rpmm: 500}", "setting.unknown"),
        ("stirring", "{measured_rpm: 500}", "setting.unknown"),
        ("temperature_automation", "{target_temperature: 30}", None),
        ("temperature_automation", "{target_temperature: 370}", "option.value"),
        ("temperature_automation", "{target_temperature: 70}", "option.value"),
        ("temperature_automation", "{automation_name: thermostat}", "setting.unknown"),
        ("dosing_automation", "{exchange_volume_ml: 1}", None),
        ("dosing_automation", "{volume: 1}", "setting.unknown"),
        ("led_intensity", "{B: 20}", None),
        ("led_intensity", "{E: 20}", "option.unknown"),
        ("bubbler", "{bubbles: 3}", None),
        ("bubbler", "{bubbles: 300}", "option.value"),
        ("bubbler", "{bubles: 3}", "setting.unknown"),
    ],
)
def test_an_update_is_compared_with_the_settings_of_the_job(job: str, options: str, code: str | None) -> None:
    text = HEAD + f"common: {{jobs: {{{job}: {{actions: [{{type: update, t: 0, options: {options}}}]}}}}}}\n"
    known = {**command_options(), "bubbler": []}
    found = verify(text, units=UNITS, jobs=known, plugin_jobs={"bubbler": Bubbler}).diagnostics

    assert [one.code for one in found if one.code != "job.ordering.before_start"] == ([code] if code else [])


def test_any_name_will_do_for_what_only_writes_to_the_log() -> None:
    text = HEAD + "common: {jobs: {notes: {actions: [{type: log, t: 1d, options: {message: over}}]}}}\n"

    assert verify(text, jobs=command_options()).diagnostics == []
