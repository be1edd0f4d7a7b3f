/** File names as they are shown and declared. */

// Control characters, lone halves of letters, and marks that turn the direction of the text around them.
const HIDDEN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
/** Characters of a name that the service keeps. */
const LONGEST = 500;

/** A name without what nobody can see: `gpj.exe` must not read as `exe.jpg`. */
export function cleanName(name: string): string {
  return name.replace(HIDDEN, "").slice(0, LONGEST).trim() || "file";
}

/** Orders names as people count: OD_0, OD_1, OD_10. */
const collator = new Intl.Collator(undefined, { numeric: true });
export const inOrder = (one: string, other: string): number => collator.compare(one, other) || (one < other ? -1 : Number(one > other));
