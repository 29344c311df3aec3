"""Groups of published values that belong to no single job: vial, LEDs and PWM outputs."""

from pioreactor.web.descriptors import DescribedSetting, DescribedSettings


def _vial(
    key: str, label: str, unit: str, maximum: float, description: str, *, editable: bool = True
) -> DescribedSetting:
    return DescribedSetting(
        key=key,
        type="numeric",
        display=True,
        label=label,
        unit=unit,
        description=description,
        editable=editable,
        min=0.0,
        max=maximum,
    )


SETTINGS_GROUPS: list[DescribedSettings] = [
    DescribedSettings(
        key="bioreactor",
        display_name="Vial",
        display=True,
        description="Content of the vial, calculated from the volumes that pumps moved.",
        published_settings=[
            _vial("current_volume_ml", "Volume", "mL", 40.0, "Liquid in the vial."),
            _vial("efflux_tube_volume_ml", "Efflux tube at", "mL", 40.0, "The level above which waste is drawn off."),
            _vial("alt_media_fraction", "Alternative media", "fraction", 1.0, "Share of the liquid."),
            _vial("cumulative_media_added_ml", "Media added", "mL", 1e6, "Since the experiment began."),
            _vial("cumulative_alt_media_added_ml", "Alternative media added", "mL", 1e6, "Since the experiment began."),
            _vial("cumulative_waste_removed_ml", "Waste removed", "mL", 1e6, "Since the experiment began."),
        ],
    ),
    DescribedSettings(
        key="leds",
        display_name="LEDs",
        display=True,
        published_settings=[
            DescribedSetting(
                key="intensity",
                type="json",
                display=True,
                label="LED intensity",
                unit="%",
                description="Intensity per channel, percent of full.",
                editable=False,
            )
        ],
    ),
    DescribedSettings(
        key="pwms",
        display_name="PWM outputs",
        display=True,
        published_settings=[
            DescribedSetting(
                key="dc",
                type="json",
                display=True,
                label="PWM duty cycle",
                unit="%",
                description="Duty cycle per pin, percent.",
                editable=False,
            )
        ],
    ),
]
