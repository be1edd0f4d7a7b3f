/**
 * Files before they are sent: what each file says about itself, and what a person said about it. The two are never
 * mixed: what a file says is shown and counts by itself; only what a person said is declared. Pure, no DOM.
 */
import { clinicTime } from "./capture.ts";
import type { Facts } from "./facts.ts";

export type Field = "eye" | "kind" | "capturedAt";
/** What a person chose, typed or confirmed; null: nobody touched it. */
export type Said = { readonly [field in Field]: string | null };

/** The eye that somebody says not to know. */
export const UNKNOWN = "unknown";
const NOTHING: Said = { eye: null, kind: null, capturedAt: null };

/** One file as far as its facts go. */
export interface Row {
  readonly facts: Facts;
  readonly said: Said;
}

/** One act on several files, before it is done. */
export interface Plan {
  readonly field: Field;
  readonly value: string | null;
  /** All files that are meant. */
  readonly refs: readonly string[];
  /** Those of them whose file says something else, which nobody has overruled so yet. */
  readonly against: readonly string[];
}

/** What the file says, as far as it counts: of two eyes that contradict each other, none does. */
export function fileSays({ facts }: Row, field: Field): string | null {
  if (field === "eye") return facts.contradicts ? null : facts.eye;
  return facts[field];
}

/** What counts for a file now. */
export const counts = (row: Row, field: Field): string | null => row.said[field] ?? fileSays(row, field);

export const needsEye = (row: Row): boolean => counts(row, "eye") === null;

/** What is declared of a file: what a person said, and nothing else. */
export function declared({ said }: Row): { eye: string | null; kind: string | null; capturedAt: string | null } {
  return { ...said };
}

/** Whether giving `value` would put it in the place of something else that the file says. */
export function overrules(row: Row, field: Field, value: string | null): boolean {
  const file = fileSays(row, field);
  if (file === null || !value || (field === "eye" && value === UNKNOWN) || row.said[field] === value) return false;
  return field === "capturedAt" ? !sameTime(file, value, row.facts.doubtful) : file !== value;
}

/** To the minute, wherever the device stood. Of a doubtful time the day counts: that, nobody changes unasked either. */
const sameTime = (file: string, value: string, doubtful: boolean): boolean => {
  const exact = doubtful ? 10 : 16;
  return clinicTime(file).slice(0, exact) === clinicTime(value).slice(0, exact);
};

export class Drafts {
  private readonly rows = new Map<string, Row>();
  private past: ReadonlyMap<string, Said>[] = [];

  get size(): number {
    return this.rows.size;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  add(ref: string, facts: Facts): void {
    this.rows.set(ref, { facts, said: NOTHING });
  }

  has(ref: string): boolean {
    return this.rows.has(ref);
  }

  get(ref: string): Row {
    const row = this.rows.get(ref);
    if (!row) throw new Error("no such file in the list");
    return row;
  }

  remove(refs: Iterable<string>): void {
    for (const ref of refs) this.rows.delete(ref);
    this.past = this.rows.size > 0 ? this.past : [];
  }

  /** What giving `value` to these files means, before it is done. */
  plan(field: Field, value: string | null, refs: Iterable<string>): Plan {
    const meant = [...new Set(refs)].filter((ref) => this.rows.has(ref));
    return { field, value, refs: meant, against: meant.filter((ref) => overrules(this.get(ref), field, value)) };
  }

  /** Does what was planned: to all, or only to those whose files say nothing else. */
  give({ field, value, refs, against }: Plan, which: "all" | "rest"): void {
    const kept = new Set(which === "rest" ? against : []);
    const some = refs.filter((ref) => this.rows.has(ref) && !kept.has(ref));
    if (some.length === 0) return;
    this.past.push(new Map(some.map((ref) => [ref, this.get(ref).said])));
    for (const ref of some) {
      const row = this.get(ref);
      this.rows.set(ref, { ...row, said: { ...row.said, [field]: meaning(row, field, value) } });
    }
  }

  /** Gives several files each its own value by one act: what their names suggest. */
  giveEach(field: Field, values: ReadonlyMap<string, string>): void {
    const some = [...values.keys()].filter((ref) => this.rows.has(ref));
    if (some.length === 0) return;
    this.past.push(new Map(some.map((ref) => [ref, this.get(ref).said])));
    for (const ref of some) {
      const row = this.get(ref);
      this.rows.set(ref, { ...row, said: { ...row.said, [field]: values.get(ref)! } });
    }
  }

  /** Takes the last act back, whole; gives the files that it was about. */
  undo(): readonly string[] {
    const before = this.past.pop();
    if (!before) return [];
    for (const [ref, said] of before) if (this.rows.has(ref)) this.rows.set(ref, { ...this.get(ref), said });
    return [...before.keys()];
  }
}

/** "Not known" and "kind not said" say nothing: where the file does, that goes on to count. */
function meaning(row: Row, field: Field, value: string | null): string | null {
  if (value === "" || value === null) return null;
  return field === "eye" && value === UNKNOWN && fileSays(row, "eye") !== null ? null : value;
}
