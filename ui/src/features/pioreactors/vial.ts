/** Geometry and appearance of the vial, out of what the unit publishes. */

/** Inside of the glass in the drawing: x, top and bottom y, and width. */
export const GLASS = { left: 92, right: 188, top: 62, bottom: 296, radius: 22 };

/** Height of the surface of a volume in the drawing; the glass's inside is the reactor's capacity. */
export function surfaceY(volumeMl: number, capacityMl: number): number {
  const share = Math.min(1, Math.max(0, volumeMl / capacityMl));
  return GLASS.bottom - share * (GLASS.bottom - GLASS.top);
}

/** How opaque a culture looks [0, 1]: light through 2.7 cm falls off exponentially with density. */
export function turbidity(normalizedOd: number | undefined): number {
  if (normalizedOd === undefined || normalizedOd <= 1) return 0;
  return 1 - Math.exp(-(normalizedOd - 1) / 14);
}

/** Seconds of one turn in the drawing: true to the ratio of speeds, slowed so that it can be followed. */
export function turnS(rpm: number): number | undefined {
  return rpm > 0 ? Math.min(6, Math.max(0.35, 500 / rpm)) : undefined;
}

/** Seconds after a dose during which its tube still drips in the drawing. */
export const DRIP_S = 8;
