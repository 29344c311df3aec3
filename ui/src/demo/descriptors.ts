/** The declarations a leader serves, as far as the demonstration needs them. */

import type {
  AutomationDescriptor,
  AutomationKind,
  ChartDescriptor,
  JobDescriptor,
  PublishedSetting,
  ReactorModel,
  SettingsCollection,
} from "@/api/types";

const setting = (
  key: string,
  label: string,
  unit: string | null,
  rest: Partial<PublishedSetting> = {},
): PublishedSetting => ({
  key,
  label,
  unit,
  type: "numeric",
  display: true,
  editable: true,
  ...rest,
});

const hidden = (key: string, type: PublishedSetting["type"] = "string"): PublishedSetting => ({
  key,
  type,
  display: false,
  editable: false,
});

export const JOBS: JobDescriptor[] = [
  {
    job_name: "stirring",
    display_name: "Stirring",
    display: true,
    description: "Keeps the culture mixed and in suspension.",
    published_settings: [setting("target_rpm", "Target stir RPM", "RPM", { min: 0, max: 1500 })],
  },
  {
    job_name: "od_reading",
    display_name: "Optical density",
    display: true,
    description: "Measures how much light the culture scatters.",
    published_settings: [],
  },
  {
    job_name: "growth_rate_calculating",
    display_name: "Growth rate",
    display: true,
    description: "Infers the specific growth rate from optical density.",
    published_settings: [],
  },
  {
    job_name: "temperature_automation",
    display_name: "Temperature automation",
    display: true,
    description: "Records the temperature of the liquid, and holds it when asked to.",
    subtext: "automation_name",
    published_settings: [
      hidden("automation_name"),
      setting("target_temperature", "Target temperature", "℃", { min: 0, max: 78 }),
    ],
  },
  {
    job_name: "dosing_automation",
    display_name: "Dosing automation",
    display: true,
    description: "Decides when to add media and remove waste.",
    subtext: "automation_name",
    published_settings: [
      hidden("automation_name"),
      setting("duration", "Time between exchanges", "min", { min: 0 }),
      setting("exchange_volume_ml", "Exchange volume", "mL", { min: 0 }),
      setting("target_biomass", "Target biomass", "OD", { min: 0 }),
      setting("biomass_signal", "Biomass signal", null, { type: "string", editable: false }),
    ],
  },
  {
    job_name: "led_automation",
    display_name: "LED automation",
    display: true,
    description: "Runs the light program of the culture.",
    subtext: "automation_name",
    published_settings: [hidden("automation_name")],
  },
  { job_name: "add_media", display_name: "Add media", display: false, published_settings: [] },
];

export const COLLECTIONS: SettingsCollection[] = [
  {
    key: "bioreactor",
    display_name: "Bioreactor",
    display: true,
    published_settings: [
      setting("current_volume_ml", "Current volume", "mL", { min: 0, max: 20 }),
      setting("efflux_tube_volume_ml", "Efflux tube level", "mL", { min: 0, max: 20 }),
      setting("alt_media_fraction", "Alt. media fraction", null, { min: 0, max: 1 }),
      setting("cumulative_media_added_ml", "Media added", "mL", { min: 0 }),
      setting("cumulative_waste_removed_ml", "Waste removed", "mL", { min: 0 }),
    ],
  },
];

export const AUTOMATIONS: Record<AutomationKind, AutomationDescriptor[]> = {
  dosing: [
    {
      automation_name: "silent",
      display_name: "Silent",
      description: "Does nothing; a start for manual dosing.",
      published_settings: [],
      fields: [
        { key: "duration", default: 30, label: "Time between checks", unit: "min", type: "numeric", disabled: true },
      ],
    },
    {
      automation_name: "chemostat",
      display_name: "Chemostat",
      description: "Exchanges a fixed volume at fixed intervals, so the culture settles at the growth rate you set.",
      published_settings: [],
      fields: [
        { key: "duration", default: 20, label: "Time between exchanges", unit: "min", type: "numeric" },
        { key: "exchange_volume_ml", default: 0.5, label: "Exchange volume", unit: "mL", type: "numeric" },
      ],
    },
    {
      automation_name: "turbidostat",
      display_name: "Turbidostat",
      description: "Dilutes whenever the culture is denser than the target.",
      published_settings: [],
      fields: [
        { key: "target_biomass", default: null, label: "Target biomass", unit: "OD", type: "numeric" },
        { key: "exchange_volume_ml", default: 1, label: "Exchange volume", unit: "mL", type: "numeric" },
        {
          key: "biomass_signal",
          default: "auto",
          label: "Biomass signal",
          type: "select",
          options: ["auto", "normalized_od", "od_fused", "od"],
        },
      ],
    },
    {
      automation_name: "fed_batch",
      display_name: "Fed-batch",
      description: "Feeds at intervals and removes nothing.",
      published_settings: [],
      fields: [
        { key: "duration", default: 720, label: "Time between feeds", unit: "min", type: "numeric" },
        { key: "dosing_volume_ml", default: 1, label: "Feed volume", unit: "mL", type: "numeric" },
      ],
    },
  ],
  temperature: [
    {
      automation_name: "thermostat",
      display_name: "Thermostat",
      description: "Holds the culture at a temperature.",
      published_settings: [],
      fields: [{ key: "target_temperature", default: 30, label: "Target temperature", unit: "℃", type: "numeric" }],
    },
    {
      automation_name: "only_record_temperature",
      display_name: "Only record temperature",
      description: "Records, and does not heat.",
      published_settings: [],
      fields: [],
    },
  ],
  led: [
    {
      automation_name: "light_dark_cycle",
      display_name: "Light/dark cycle",
      description: "Days and nights for phototrophs.",
      published_settings: [],
      fields: [
        { key: "light_intensity", default: 5, label: "Light intensity", unit: "%", type: "numeric" },
        { key: "light_duration_minutes", default: 960, label: "Light", unit: "min", type: "numeric" },
        { key: "dark_duration_minutes", default: 480, label: "Dark", unit: "min", type: "numeric" },
      ],
    },
  ],
};

const chart = (
  chart_key: string,
  title: string,
  y_axis_label: string,
  data_source: string,
  mqtt_topic: string | string[],
  payload_key: string | null,
  fixed_decimals: number,
  y_axis_domain: [number, number],
  rest: Partial<ChartDescriptor> = {},
): ChartDescriptor => ({
  chart_key,
  title,
  y_axis_label,
  data_source,
  mqtt_topic,
  payload_key,
  fixed_decimals,
  y_axis_domain,
  down_sample: true,
  interpolation: "stepAfter",
  y_transformation: "none",
  ...rest,
});

export const CHARTS: ChartDescriptor[] = [
  chart(
    "implied_growth_rate",
    "Implied growth rate",
    "Growth rate, h⁻¹",
    "growth_rates",
    "growth_rate_calculating/growth_rate",
    "growth_rate",
    2,
    [-0.02, 0.1],
    { interpolation: "linear", shown_by_default: true },
  ),
  chart(
    "implied_daily_growth_rate",
    "Implied daily growth rate",
    "Growth rate, d⁻¹",
    "growth_rates",
    "growth_rate_calculating/growth_rate",
    "growth_rate",
    2,
    [-0.1, 1],
    { y_transformation: "per_hour_to_per_day" },
  ),
  chart(
    "normalized_optical_density",
    "Normalized optical density",
    "nOD",
    "od_readings_filtered",
    "growth_rate_calculating/od_filtered",
    "od_filtered",
    2,
    [0.98, 1.02],
    { shown_by_default: true, log_scale: true },
  ),
  chart(
    "optical_density",
    "Optical density",
    "OD",
    "od_readings",
    ["od_reading/od1", "od_reading/od2", "od_reading/od3", "od_reading/od4"],
    "od",
    3,
    [0.001, 0.05],
    { channel_key: "channel", shown_by_default: true, log_scale: true },
  ),
  chart(
    "temperature",
    "Temperature of vessel",
    "℃",
    "temperature_readings",
    "temperature_automation/temperature",
    "temperature",
    1,
    [22.5, 37.5],
    { shown_by_default: true },
  ),
  chart(
    "current_volume_ml",
    "Volume of vessel",
    "mL",
    "liquid_volumes",
    "bioreactor/current_volume_ml",
    null,
    2,
    [0, 18],
    { data_source_column: "liquid_volume" },
  ),
];

const model = (
  model_name: string,
  model_version: string,
  display_name: string,
  capacity: number,
  fill: number,
): ReactorModel => ({
  model_name,
  model_version,
  display_name,
  reactor_capacity_ml: capacity,
  reactor_max_fill_volume_ml: fill,
});

export const MODELS: ReactorModel[] = [
  model("pioreactor_20ml", "1.1", "Pioreactor 20ml, v1.1", 20, 18),
  model("pioreactor_20ml", "1.5", "Pioreactor 20ml, v1.5", 20, 18),
  model("pioreactor_40ml", "1.5", "Pioreactor 40ml, v1.5", 40, 36),
  model("pioreactor_40ml_XR", "1.5", "Pioreactor 40ml XR, v1.5", 40, 36),
];

export const CONFIG = `[cluster.topology]
leader_hostname=reactor-01
leader_address=reactor-01.local

[mqtt]
broker_address=reactor-01.local

# Which photodiode looks at which angle.
[od_config.photodiode_channel]
1=REF
2=90

[stirring.config]
initial_target_rpm=500
use_rpm=1

[ui.overview.charts]
implied_growth_rate=1
normalized_optical_density=0
optical_density=1
temperature=1
current_volume_ml=0
`;
