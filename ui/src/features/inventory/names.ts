/** Says what is wrong with a unit's name, by the leader's own rules. */

export function wrongUnitName(name: string, known: readonly string[]): string | undefined {
  const trimmed = name.trim();
  if (trimmed === "") return "Needs a name";
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(trimmed)) return "A host name, not an address";
  if (!/^[A-Za-z0-9_-]+$/.test(trimmed)) return "Only letters, digits, - and _";
  if (trimmed.toLowerCase() === "localhost") return "Every machine is called localhost; give its own name";
  return known.includes(trimmed) ? "This unit is in the cluster already" : undefined;
}
