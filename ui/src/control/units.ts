/** How units are named to people. */

import { parse } from "@/live/topics";

export const unitOf = (topic: string): string => parse(topic)?.unit ?? topic;

/** "reactor-01 (Glucose A)", or the name alone. */
export const named = (unit: string, label: string | undefined): string => (label ? `${label} (${unit})` : unit);
