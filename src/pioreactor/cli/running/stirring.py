"""`pio run stirring`."""

from __future__ import annotations

import click

from pioreactor.background_jobs.stirring.job import Stirrer, start_stirring
from pioreactor.cli.setting_options import setting_options


@click.command(name="stirring")
@setting_options(Stirrer, "target_rpm", "duty_cycle", "target_rpm_during_od_reading", "target_rpm_outside_od_reading")
@click.option("--use-rpm", type=click.BOOL, default=None, help="Measure the speed and correct it.")
@click.option("--enable-dodging-od", is_flag=True, default=None, help="Keep still while OD is read.")
@click.option("--measure-rpm-only", is_flag=True, help="Keep the duty as it is and only measure the speed.")
def stirring(
    target_rpm: float | None,
    duty_cycle: float | None,
    target_rpm_during_od_reading: float | None,
    target_rpm_outside_od_reading: float | None,
    use_rpm: bool | None,
    enable_dodging_od: bool | None,
    measure_rpm_only: bool,
) -> None:
    """Stir at a target speed [RPM], or at a fixed duty of the fan."""
    with start_stirring(
        target_rpm,
        use_rpm=use_rpm,
        duty_cycle=duty_cycle,
        enable_dodging_od=enable_dodging_od,
        target_rpm_during_od_reading=target_rpm_during_od_reading,
        target_rpm_outside_od_reading=target_rpm_outside_od_reading,
        measure_rpm_only=measure_rpm_only,
    ) as stirrer:
        stirrer.block_until_disconnected()
