/** One color and dash per unit, the same in every chart; color-blind-safe, thirty can be told apart. */

const LIGHT = [
  "#3464cf",
  "#c96f12",
  "#12876a",
  "#b83280",
  "#7452c9",
  "#8a6a12",
  "#0f82a3",
  "#c43d52",
  "#557d22",
  "#5f6874",
];
const DARK = [
  "#82a8ff",
  "#f5aa5f",
  "#4fcaa3",
  "#f08cc2",
  "#b09cf7",
  "#d4b455",
  "#5ecae6",
  "#f78894",
  "#a2c96b",
  "#b0b8c2",
];
const DASHES: number[][] = [[], [7, 4], [2, 3]];

export interface Stroke {
  color: string;
  dash: number[];
}

/** Return the stroke of the n-th unit of the cluster. */
export function stroke(index: number, dark: boolean): Stroke {
  const colors = dark ? DARK : LIGHT;
  const place = ((index % 30) + 30) % 30;
  return {
    color: colors[place % colors.length] as string,
    dash: DASHES[Math.floor(place / colors.length)] as number[],
  };
}

const CHANNEL_DASHES: number[][] = [
  [10, 3, 2, 3],
  [1, 3],
  [5, 2],
];

/** Return the stroke of a unit's n-th photodiode: its color, and a dash that tells it from the others. */
export const strokeOfChannel = (unit: Stroke, nth: number): Stroke =>
  nth === 0 ? unit : { ...unit, dash: CHANNEL_DASHES[(nth - 1) % CHANNEL_DASHES.length] as number[] };
