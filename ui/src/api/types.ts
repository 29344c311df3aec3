/** What the leader's API answers, as far as these pages read it. */

export interface Experiment {
  experiment: string;
  created_at: string;
  description: string | null;
  delta_hours: number;
  worker_count: number;
  tags: string[];
}

export interface Worker {
  pioreactor_unit: string;
  added_at: string;
  is_active: number | boolean;
  model_name: string | null;
  model_version: string | null;
  ipv4_address?: string | null;
}

export interface ReactorModel {
  model_name: string;
  model_version: string;
  display_name: string;
  reactor_capacity_ml: number;
  reactor_max_fill_volume_ml: number;
  is_legacy?: boolean;
}

export type SettingType = "numeric" | "boolean" | "string" | "json";

export interface PublishedSetting {
  key: string;
  type: SettingType;
  display: boolean;
  description?: string | null;
  unit?: string | null;
  label?: string | null;
  editable?: boolean;
  min?: number | null;
  max?: number | null;
}

export interface JobDescriptor {
  display_name: string;
  job_name: string;
  display: boolean;
  published_settings: PublishedSetting[];
  source?: string | null;
  description?: string | null;
  subtext?: string | null;
}

export interface SettingsCollection {
  key: string;
  display_name: string;
  display: boolean;
  published_settings: PublishedSetting[];
  description?: string | null;
}

export type AutomationKind = "dosing" | "temperature" | "led";

export interface AutomationField {
  key: string;
  default: string | number | boolean | null;
  label: string;
  disabled?: boolean;
  required?: boolean;
  unit?: string | null;
  type?: "numeric" | "string" | "select" | "boolean";
  options?: string[] | null;
}

export interface AutomationDescriptor {
  display_name: string;
  automation_name: string;
  description: string;
  source?: string | null;
  fields: AutomationField[];
}

export interface ChartDescriptor {
  chart_key: string;
  data_source: string;
  data_source_column?: string | null;
  title: string;
  y_axis_label: string;
  fixed_decimals: number;
  down_sample?: boolean;
  mqtt_topic?: string | string[] | null;
  payload_key?: string | null;
  y_transformation?: string | null;
  y_axis_domain?: [number, number] | null;
  interpolation?: string | null;
}

export interface TimeSeries {
  series: string[];
  data: { x: string; y: number | null }[][];
}

export interface LogRow {
  timestamp: string;
  level: string;
  pioreactor_unit: string;
  message: string;
  task: string;
  experiment?: string;
}

export interface TaskAccepted {
  unit: string;
  task_id: string;
  result_url_path: string;
  status?: string;
}

export type TaskResult =
  | { status: "pending" | "running" | "accepted" }
  | { status: "succeeded"; result: unknown }
  | { status: "failed"; error: string; cause?: string; remediation?: string };

export interface UnitAnswer {
  ok: boolean;
  unit: string;
  value?: unknown;
  error?: { kind: string; message: string; cause?: string; remediation?: string };
}

export interface HistoryEntry {
  timestamp: string;
  data: string;
}
