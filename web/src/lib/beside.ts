/** Slices of two volumes that lie beside each other: by their place between first and last, for two exams of one eye
 * rarely have the same number of slices. */

/** Where a slice lies, from 0, the first, to 1, the last. */
export const place = (slice: number, count: number): number => (count > 1 ? slice / (count - 1) : 0.5);

/** The slice of another volume beside this one. `shift`: by how much of the volume somebody has moved the other on. */
export function beside(slice: number, count: number, other: number, shift = 0): number {
  const at = Math.round((place(slice, count) + shift) * (other - 1));
  return Math.min(Math.max(at, 0), other - 1);
}

/** The shift of two volumes as they stand. Less than half a slice of the coarser one is none: that is only rounding. */
export function shift(first: readonly [number, number], second: readonly [number, number]): number {
  const found = place(...second) - place(...first);
  const half = 0.5 / Math.max(Math.min(first[1], second[1]) - 1, 1);
  return Math.abs(found) < half + 1e-9 ? 0 : found;
}
