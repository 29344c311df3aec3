"""Rehearsal: a profile on simulated reactors of the units that will run it, before it is run.

`rehearse.rehearse` takes a `RehearsalPlan` and returns a `Rehearsal`; `plan_of_cluster` makes the plan from what the
units of a cluster are at present. Layers below, such as the web server, start `pio rehearse` as a process of its own.
"""
