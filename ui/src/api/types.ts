/** Short names for what the leader's API answers; the shapes are generated from its OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type AccessPoint = Schemas["AccessPoint"];
export type Backups = Schemas["Backups"];
export type DatabaseStatus = Schemas["DatabaseStatus"];
export type Capability = Schemas["Capability"];
export type ConfigKey = Schemas["DescribedKey"];
export type ConfigSection = Schemas["DescribedSection"];

/** Result of the task that verifies a backup. */
export interface VerifiedBackup {
  pioreactor_unit: string;
  name: string;
  rows: number;
}

/** Result of the task that makes a backup. */
export interface MadeBackup {
  name: string;
  rows: number;
  workers: string[];
  problems: string[];
}

/** Result of the task that finds out what an import would bring; an empty `reason` means that it comes over. */
export interface ImportPlan {
  database: { source: string; tables: { name: string; rows: number; reason: string }[] } | null;
  files: { kind: string; name: string; reason: string }[];
  configuration: { file: string; section: string; key: string; value: string; present: string; reason: string }[];
  notes: string[];
  active: { kind: string; device: string; name: string; reason: string }[];
}
/** Result of the task that finds out what an archive of an experiment would bring. */
export interface ExperimentPlan {
  experiments: string[];
  software_version: string;
  origin: string;
  units: string[];
  tables: { name: string; rows: number; reason: string }[];
  files: { kind: string; name: string; reason: string }[];
  notes: string[];
}
/** Result of the task that takes an experiment over. */
export interface ImportedExperiment {
  experiments: string[];
  rows: Record<string, number>;
  profiles: string[];
  artifacts: ExperimentRecord["artifacts"];
  left_out: ExperimentRecord["left_out"];
  record_files: number;
  origin: string;
}
export type ExperimentRecord = Schemas["ExperimentRecord"];
export type ImportProgress = Schemas["ImportProgress"];
export type ImportState = Schemas["ImportState"];
export type UsbState = Schemas["UsbState"];
export type SentFile = Schemas["SentFile"];
export type UsbArtifact = Schemas["UsbArtifact"];
/** Without its age, which the panel tells by itself. */
export type Experiment = Omit<Schemas["Experiment"], "delta_hours">;
export type Overview = Schemas["Overview"];
export type Worker = Schemas["WorkerRow"];
export type WaitingWorker = Schemas["WaitingWorker"];

/** Result of the task that takes a machine into the cluster. */
export interface JoinedWorker {
  pioreactor_unit: string;
  warning?: string | null;
}
export type Assignment = Schemas["Assignment"];
/** A unit with its model: what a worker and an assignment have in common. */
export type Reactor = Pick<Assignment, "pioreactor_unit" | "is_active"> & {
  model_name?: string | null;
  model_version?: string | null;
};
export type ReactorModel = Pick<
  Schemas["ReactorModel"],
  | "model_name"
  | "model_version"
  | "display_name"
  | "reactor_capacity_ml"
  | "reactor_max_fill_volume_ml"
  | "max_temp_to_reduce_heating"
>;

type Described = Schemas["DescribedSetting"];
export type PublishedSetting = Pick<Described, "key" | "type" | "display"> & Partial<Described>;
export type JobDescriptor = Omit<Schemas["DescribedJob"], "published_settings"> & {
  published_settings: PublishedSetting[];
};
export type SettingsCollection = Omit<Schemas["DescribedSettings"], "published_settings"> & {
  published_settings: PublishedSetting[];
};

export type AutomationKind = "dosing" | "temperature" | "led";
export type AutomationField = Pick<Schemas["AutomationField"], "key" | "label" | "type"> &
  Partial<Schemas["AutomationField"]>;
export type AutomationDescriptor = Omit<Schemas["DescribedAutomation"], "fields" | "published_settings"> & {
  fields: AutomationField[];
  published_settings?: PublishedSetting[];
};

type Chart = Schemas["Chart"];
export type ChartDescriptor = Pick<Chart, "chart_key" | "data_source" | "title" | "y_axis_label"> & Partial<Chart>;
export type ChartPreferences = Required<Schemas["ChosenCharts"]>;
export type TimeSeries = Schemas["TimeSeries"];

export type Still = Schemas["CameraStill"];
export type Stills = Schemas["Stills"];
export type Cameras = Schemas["Cameras"];
export type CameraStatus = Schemas["CameraStatus"];
export type LiveView = Schemas["LiveView"];

export type LogRow = Schemas["LogRow"];
export type Quarantined = Schemas["Quarantined"];
export type UnitConfigs = Schemas["ConfigsOfUnits"];
export type ConfigVersion = Pick<Schemas["ConfigVersion"], "data" | "timestamp"> & Partial<Schemas["ConfigVersion"]>;
export type MediaRate = Schemas["MediaRate"];
export type JobRow = Schemas["JobRow"];
export type Diagnostic = Pick<Schemas["Diagnostic"], "severity" | "code" | "message" | "path"> &
  Partial<Schemas["Diagnostic"]>;
export type ProfileStep = Pick<Schemas["Step"], "at_s" | "who" | "job" | "words" | "depth">;
export type ProfilePreview = { ok: boolean; diagnostics: Diagnostic[]; steps: ProfileStep[] };
export type ProfileRow = Schemas["ProfileRow"];
export type ProfileRun = Schemas["ProfileRun"];
export type Dataset = Schemas["Dataset"];
export type Exports = Schemas["Exports"];
export type ConfigSync = Schemas["ConfigSync"];
export type ConfigsSynced = Schemas["ConfigsSynced"];
export type DeliveryStatus = Schemas["DeliveryStatus"];
export type Machine = Schemas["Machine"];
export type UnitName = Schemas["UnitName"];
export type Person = Schemas["Person"];
export type Role = Person["role"];
export type Me = Schemas["Me"];
export type OidcOffer = Schemas["OidcOffer"];
export type OidcStart = Schemas["OidcStart"];
export type OidcCheck = Schemas["OidcCheck"];
export type NewSignature = Schemas["NewSignature"];
export type AuditEntry = Schemas["AuditEntry"];
export type AuditPage = Schemas["AuditPage"];

/** What the task that verifies the audit trail returns. */
export interface AuditVerdict {
  entries: number;
  heads: number;
  fault: string | null;
  fault_at: number | null;
}
export type Area = NonNullable<Schemas["Rights"]["areas"]>[number];
export type Proposal = Schemas["Proposal"];
export type Campaign = Schemas["Campaign"];
export type CampaignShown = Schemas["CampaignShown"];
export type CampaignDefinition = CampaignShown["definition"];
export type CampaignArm = Schemas["Arm"];
export type CampaignSuggestion = CampaignArm["suggestion"];
export type CampaignKnowledge = Schemas["Knowledge"];
export type FactorBand = Schemas["FactorBand"];
export type RehearsalForecast = Schemas["Rehearsal"];
export type RehearsalRange = Schemas["Range"];
export type Rehearsals = Schemas["Rehearsals"];
export type ForecastOfUnit = Schemas["ForecastOfUnit"];
export type Bottle = Schemas["Bottle"];
export type ComparedQuantity = Schemas["Compared"];
export type Budget = Schemas["Budget"];
export type AccessToken = Schemas["AccessTokenRow"];
export type SignedInBrowser = Schemas["SessionRow"];
export type Invitation = Schemas["InvitationRow"];
export type NewInvitation = Schemas["NewInvitation"];
export type Invited = Schemas["Invited"];
export type SecondFactorState = Schemas["SecondFactorState"];
export type NewSecondFactor = Schemas["NewSecondFactor"];
export type NewAccessToken = Schemas["NewAccessToken"];
export type HomeAssistantStatus = Schemas["HomeAssistantStatus"];
export type Alarm = Schemas["Alarm"];
export type AlarmWithLife = Schemas["AlarmWithLife"];
export type RuleInForce = Schemas["RuleInForce"];
export type AlarmConditions = Schemas["AlarmConditions"];
export type ConditionKind = Schemas["ConditionKind"];
export type AlarmChannel = Schemas["Channel"];
export type AlarmChannels = Schemas["Channels"];
export type ChannelField = Schemas["ChannelField"];
export type AlarmDelivery = Schemas["Delivery"];
export type UpdateState = Schemas["UpdateState"];
export type OfferedRelease = Schemas["OfferedRelease"];
export type ReleaseArchive = Schemas["Archive"];
export type ListedPlugin = Schemas["ListedPlugin"];
/** Result of the check of a plugin. */
export interface PluginContents {
  name?: string;
  version?: string;
  description?: string;
  author?: string;
  jobs?: string[];
  automations?: string[];
  commands?: string[];
  calibrations?: string[];
  measurements?: string[];
  tables?: string[];
  configuration?: string[];
  charts?: string[];
  datasets?: string[];
  scripts?: string[];
  packages?: string[];
  problems?: string[];
  notes?: string[];
}
/** Result of the update of plugins; the versions are by key. */
export interface UpdatedPlugins {
  before: Record<string, string>;
  after: Record<string, string>;
  messages: string[];
  failed: string[];
}
export type TaskAccepted = Schemas["Accepted"];

export type TaskResult =
  | { status: "pending" | "running" | "accepted"; step?: string }
  | { status: "succeeded"; result: unknown }
  | { status: "failed"; error: string; cause?: string; remediation?: string };

export interface UnitAnswer {
  ok: boolean;
  unit: string;
  value?: unknown;
  error?: { kind: string; message: string; cause?: string; remediation?: string };
}
