/** What this browser remembers between visits; where site storage is blocked, until the page is closed. */

const memory = new Map<string, string>();

/** The browser's storage, or undefined where a person or policy forbids it: there even naming it raises. */
function siteStorage(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

/** Return what is kept under a key, or undefined. */
export function recall(key: string): string | undefined {
  try {
    return siteStorage()?.getItem(key) ?? memory.get(key);
  } catch {
    return memory.get(key);
  }
}

/** Keep a text under a key; undefined removes it. */
export function remember(key: string, text: string | undefined): void {
  if (text === undefined) memory.delete(key);
  else memory.set(key, text);
  try {
    if (text === undefined) siteStorage()?.removeItem(key);
    else siteStorage()?.setItem(key, text);
  } catch {
    // Blocked or full: the value in memory is used until the page is closed.
  }
}
