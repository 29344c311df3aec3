/** Reads the INI dialect of the configuration: sections, `key=value` or `key: value`, `#` and `;` comments. */

export type Ini = Record<string, Record<string, string>>;

export function parseIni(text: string): Ini {
  const sections: Ini = {};
  let current: Record<string, string> | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const header = /^\[(.+)\]$/.exec(line);
    if (header?.[1] !== undefined) {
      current = sections[header[1]] ??= {};
      continue;
    }
    const pair = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(line);
    if (current && pair?.[1] !== undefined) current[pair[1].toLowerCase()] = pair[2] ?? "";
  }
  return sections;
}

/** Say whether `1`, `true`, `yes` or `on` stands there. */
export function isOn(value: string | undefined): boolean {
  return ["1", "true", "yes", "on"].includes((value ?? "").trim().toLowerCase());
}
