/** Says what is wrong with a unit's name, by the leader's own rules. */

export function wrongUnitName(name: string, known: readonly string[]): string | undefined {
  const trimmed = name.trim();
  if (trimmed === "") return "Needs a name";
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(trimmed)) return "A host name, not an address";
  if (!/^[A-Za-z0-9_-]+$/.test(trimmed)) return "Only letters, digits, - and _";
  if (trimmed.toLowerCase() === "localhost") return "Every machine is called localhost; give its own name";
  return known.includes(trimmed) ? "This unit is in the cluster already" : undefined;
}

/** Says what is wrong with a typed code; letters that look like digits are taken for them. */
export function wrongCode(code: string): string | undefined {
  const digits = code.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  return /^[0-9A-HJKMNP-TV-Z]{8}$/.test(digits) ? undefined : "Eight letters and digits, as the machine shows them";
}
