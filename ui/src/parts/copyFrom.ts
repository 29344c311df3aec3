/** Copying for pages over plain HTTP. */

/** Copy the text of a field; a page over plain HTTP has no clipboard of its own, so the field is selected first. */
export async function copyFrom(field: HTMLInputElement): Promise<boolean> {
  field.select();
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(field.value);
      return true;
    }
    return document.execCommand("copy");
  } catch {
    return false;
  }
}
