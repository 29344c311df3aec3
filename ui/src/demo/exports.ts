/** Datasets and archives as a leader lists them. */

import type { Dataset, Exports } from "@/api/types";

const dataset = (dataset_name: string, display_name: string, description: string): Dataset => ({
  dataset_name,
  display_name,
  description,
  has_experiment: true,
  has_unit: true,
  table: dataset_name,
  source: "app",
  always_partition_by_unit: false,
  timestamp_columns: ["timestamp"],
  default_order_by: "timestamp",
});

export const DATASETS: Dataset[] = [
  dataset("od_readings", "Optical density", "Readings of each photodiode."),
  dataset("growth_rates", "Implied growth rate", "Growth rate of each unit."),
  dataset("logs", "Logs", "What units and people logged."),
];

export const EXPORTS: Exports = {
  is_running: false,
  progress: null,
  archives: [
    { filename: "export_demo_20261128231100.zip", size_bytes: 3_660_000, created_at: "2026-11-28T23:11:00.000Z" },
  ],
};

export const ROWS = [{ experiment: "demo", pioreactor_unit: "worker1", timestamp: "2026-11-28T23:11:19.818Z" }];
