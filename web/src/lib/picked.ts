/** What is chosen on a page of scans, and what a bulk act would change: never a scan that the page did not show. Pure. */
import type { Selection } from "./select.ts";

/** Scans that the API takes in one act. */
export const MOST = 100;

/** Something that can be chosen: one scan, or a fold, which stands for several and says so. */
export interface Pick {
  readonly key: string;
  readonly ids: readonly string[];
  readonly patient: string;
  readonly folded: boolean;
  /** What the page showed of each of its scans. */
  readonly shown: readonly Shown[];
}

export interface Shown {
  readonly id: string;
  /** How many records there were. */
  readonly records: number;
  /** The eye that the file says, "" if it says none. */
  readonly eye: string;
}

/** What a card says of its scans: `id:records:eye`, one after the other. */
export function read(text: string): Shown[] {
  return text.split(" ").filter(Boolean).map((one) => {
    const [id, records, eye] = one.split(":");
    return { id: id!, records: Number(records), eye: eye ?? "" };
  });
}

/** What the page showed of these picks' scans, each once. */
export const shown = (picks: readonly Pick[]): Shown[] => [...new Map(picks.flatMap((one) => one.shown).map((one) => [one.id, one])).values()];

/** Those of which the file says another eye. */
export const contradicted = (some: readonly Shown[], eye: string): Shown[] => some.filter((one) => one.eye !== "" && one.eye !== eye);

/** What is to be asked before these are given an eye; "" if no file says another one. */
export function question(some: readonly Shown[], eye: string): string {
  const others = contradicted(some, eye);
  const said = [...new Set(others.map((one) => one.eye))].sort().join(" or ");
  return others.length ? `${others.length} of ${some.length}: the file says ${said}.` : "";
}

/** What a range or "all" may take: what is folded away is not shown, so only its own box takes it. */
export const open = (picks: readonly Pick[]): string[] => picks.filter(({ folded }) => !folded).map(({ key }) => key);

/** The picks that are chosen, in the order of the page; what has left the page is not chosen any more. */
export function chosen(selection: Selection, picks: readonly Pick[]): Pick[] {
  return picks.filter(({ key }) => selection.chosen.has(key));
}

/** The scans of these picks, each once. */
export const scans = (picks: readonly Pick[]): string[] => [...new Set(picks.flatMap(({ ids }) => ids))];

export const count = (found: number): string => (found === 1 ? "1 scan" : `${found} scans`);

/** How much is chosen and of how many people: one patient too many must be seen before the act. */
export function told(picks: readonly Pick[]): string {
  const people = new Set(picks.map(({ patient }) => patient)).size;
  return `${count(scans(picks).length)} of ${people === 1 ? "1 patient" : `${people} patients`} selected`;
}

/**
 * One thing that is done to many scans, a hundred at a time. Each hundred is one act, with an id of its own that stays
 * the same however often it is tried: what got through already is not done twice.
 */
export class Bulk {
  private readonly parts: { readonly act: string; readonly ids: readonly string[] }[] = [];
  /** Scans that are done. */
  done = 0;

  constructor(
    readonly ids: readonly string[],
    private readonly say: (act: string, ids: readonly string[]) => Promise<unknown>,
    newId: () => string = () => crypto.randomUUID(),
  ) {
    for (let from = 0; from < ids.length; from += MOST) this.parts.push({ act: newId(), ids: ids.slice(from, from + MOST) });
  }

  /** Does what is left. A problem stops it; called again, it goes on there. */
  async run(): Promise<void> {
    while (this.parts.length) {
      const { act, ids } = this.parts[0]!;
      await this.say(act, ids);
      this.done += ids.length;
      this.parts.shift();
    }
  }
}
