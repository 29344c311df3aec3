/** Turns what a chart shows into files. */

import type { Points } from "./points";

export interface Named extends Points {
  name: string;
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** One row per point: moment, hours since the start, series, value; limited to the visible stretch. */
export function toCsv(
  series: readonly Named[],
  valueName: string,
  startS: number,
  [from, to]: readonly [number, number],
): string {
  const rows = [`timestamp,hours_since_start,series,${quoted(valueName)}`];
  for (const { name, x, y } of series) {
    for (let i = 0; i < x.length; i++) {
      const at = x[i] as number;
      if (at < from || at > to) continue;
      rows.push(`${new Date(at * 1000).toISOString()},${((at - startS) / 3600).toFixed(5)},${quoted(name)},${y[i]}`);
    }
  }
  return `${rows.join("\n")}\n`;
}

export function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Put title and legend above the plot's canvas, on paper of the current color. */
export function toPng(
  plot: HTMLCanvasElement,
  title: string,
  legend: readonly { name: string; color: string }[],
): Promise<Blob | null> {
  const style = getComputedStyle(document.documentElement);
  const ratio = devicePixelRatio;
  const canvas = document.createElement("canvas");
  const head = Math.round(56 * ratio);
  canvas.width = plot.width;
  canvas.height = plot.height + head;
  const pen = canvas.getContext("2d");
  if (!pen) return Promise.resolve(null);
  pen.fillStyle = style.getPropertyValue("--surface");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = style.getPropertyValue("--ink");
  pen.font = `600 ${15 * ratio}px system-ui, sans-serif`;
  pen.fillText(title, 12 * ratio, 22 * ratio);
  pen.font = `${12 * ratio}px system-ui, sans-serif`;
  let left = 12 * ratio;
  for (const { name, color } of legend) {
    pen.fillStyle = color;
    pen.fillRect(left, 36 * ratio, 14 * ratio, 3 * ratio);
    pen.fillStyle = style.getPropertyValue("--ink-soft");
    pen.fillText(name, left + 18 * ratio, 42 * ratio);
    left += 34 * ratio + pen.measureText(name).width;
  }
  pen.drawImage(plot, 0, head);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
