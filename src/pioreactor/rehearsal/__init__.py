"""Rehearsal: a profile on simulated reactors of the units that will run it, before it is run.

`rehearse.rehearse` takes a `RehearsalPlan` and returns a `Rehearsal`; `present_state.read_units` reads what the units
of a cluster are at present, and `rehearse.plan_of_act` makes the plan of a single act on a single unit. Layers below,
such as the web server, start `pio rehearse --plan - --json` and write the plan as JSON to its standard input.
"""
