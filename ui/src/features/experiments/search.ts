/** Finds experiments, and says what is wrong with a name before the leader has to. */

import type { Experiment } from "@/api/types";

export interface SearchFilters {
  search: string;
  status: string;
  tag: string;
}

export function found(experiments: readonly Experiment[], { search, status, tag }: SearchFilters): Experiment[] {
  const words = search.trim().toLowerCase();
  return experiments.filter(
    (one) =>
      `${one.experiment} ${one.description ?? ""}`.toLowerCase().includes(words) &&
      (status === "" || one.worker_count > 0 === (status === "active")) &&
      (tag === "" || one.tags.includes(tag)),
  );
}

/** Return what is wrong with a name, by the leader's own rules, or undefined. */
export function wrongWith(name: string, taken: readonly string[]): string | undefined {
  const trimmed = name.trim();
  if (trimmed === "") return "Needs a name";
  if (trimmed.length >= 200) return "At most 199 characters";
  if (trimmed.toLowerCase() === "current" || trimmed.startsWith("_testing")) return "This name is reserved";
  const bad = /[#$%+/\\]/.exec(trimmed)?.[0];
  if (bad) return `A name cannot hold ${bad}`;
  return taken.includes(trimmed) ? "An experiment of this name exists" : undefined;
}

/** Split "yeast, Yeast , ph" into tags, each once whatever its case. */
export function tagsOf(text: string): string[] {
  const seen = new Set<string>();
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "" && !seen.has(one.toLowerCase()) && seen.add(one.toLowerCase()));
}
