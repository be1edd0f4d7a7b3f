/** Asks the service whom folder and file names name, a bounded number of words at a time. */
import { Compared } from "../lib/compared.ts";
import { namedBy, questions } from "../lib/path-words.ts";
import type { Draft } from "./draft-row.ts";
import { type Person, named } from "./parts.ts";

/** Milliseconds that sending waits for the answer; a service that is slower than this cannot take declarations either. */
const PATIENCE = 10_000;

export class PathGuard {
  private readonly people = new Map<string, Person>();
  private readonly asked = new Set<string>();
  private readonly compared = new Compared();
  /** Files whose names are being looked up. */
  private readonly waiting = new Set<Draft>();
  /** Files whose names were not compared: there are too many, or the service did not answer, or not in time. */
  private readonly missed = new WeakSet<Draft>();
  private pending: Promise<void> = Promise.resolve();

  /** Whether this file's name could not be compared with the patients who are known. */
  missing(draft: Draft): boolean {
    return this.missed.has(draft);
  }

  /** Looks the names of these files up; resolves when each file knows whom it names. */
  look(drafts: readonly Draft[]): Promise<void> {
    const fresh = questions(drafts.map(({ path }) => path)).map((texts) => texts.filter((text) => !this.asked.has(text))).filter((texts) => texts.length > 0);
    for (const text of fresh.flat()) this.asked.add(text);
    for (const draft of drafts) this.waiting.add(draft);
    const before = this.pending;
    this.pending = (async () => {
      await before;
      for (const texts of fresh) await this.ask(texts);
      for (const draft of drafts) this.tell(draft);
    })();
    return this.pending;
  }

  /** Waits until all names are looked up; those that are not known in time count as missed until they are. */
  async settled(): Promise<void> {
    // It was waited for them before, and said.
    if ([...this.waiting].every((draft) => this.missed.has(draft))) return;
    const late = new Promise<readonly Draft[]>((resolve) => setTimeout(() => resolve([...this.waiting]), PATIENCE));
    for (const draft of await Promise.race([this.pending.then(() => []), late])) this.missed.add(draft);
  }

  private async ask(texts: readonly string[]): Promise<void> {
    try {
      for (const person of await named(texts)) this.people.set(person.id, person);
      for (const text of texts) this.compared.add(text);
    } catch {
      for (const text of texts) this.asked.delete(text);
    }
  }

  private tell(draft: Draft): void {
    draft.named = [...this.people.values()].filter((person) => namedBy(draft.path, person) !== null);
    this.waiting.delete(draft);
    if (this.compared.has(draft.path)) this.missed.delete(draft);
    else this.missed.add(draft);
  }
}
