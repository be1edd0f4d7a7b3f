/** The order of file names. */

/** Orders names as people count: OD_0, OD_1, OD_10. */
const collator = new Intl.Collator(undefined, { numeric: true });
export const inOrder = (one: string, other: string): number => collator.compare(one, other) || (one < other ? -1 : Number(one > other));
