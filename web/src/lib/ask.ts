/** What is asked before an act would put something in the place of what files say. */

export interface Question {
  readonly text: string;
  /** The three answers; `keep` leaves each file that says something else as it is. */
  readonly all: string;
  readonly keep: string;
}

/** `count`: files that are meant; `says`: what those say that say something else, as words; `value`: what is given, as words. */
export function question(count: number, says: readonly string[], value: string): Question {
  const sums = new Map<string, number>();
  for (const one of says) sums.set(one, (sums.get(one) ?? 0) + 1);
  const what = sums.size === 1 ? says[0]! : `something else (${[...sums].map(([words, sum]) => `${sum} ${words}`).join(", ")})`;
  if (count === 1) return { text: `The file says ${what}.`, all: `Give ${value} all the same`, keep: "Keep what the file says" };
  const rest = count - says.length;
  return {
    text: `${says.length} of ${count} files ${says.length === 1 ? "says" : "say"} ${what}.`,
    all: `Give ${value} to all ${count}`,
    keep: `Keep what the files say${rest > 0 ? `: ${value} to the other ${rest}` : ""}`,
  };
}
