/** Asks the service whom folder and file names name, a bounded number of words at a time. */
import { namedBy, questions } from "../lib/path-words.ts";
import type { Draft } from "./draft-row.ts";
import { type Person, named } from "./parts.ts";

/** Milliseconds that sending waits for the answer; a service that is slower than this cannot take declarations either. */
const PATIENCE = 10_000;

export class PathGuard {
  private readonly people = new Map<string, Person>();
  private readonly asked = new Set<string>();
  private pending: Promise<void> = Promise.resolve();
  /** Whether names could not be compared with the patients who are known. */
  failed = false;

  /** Looks the names of these files up; resolves when each file knows whom it names. */
  look(drafts: readonly Draft[]): Promise<void> {
    const fresh = questions(drafts.map(({ path }) => path)).map((texts) => texts.filter((text) => !this.asked.has(text))).filter((texts) => texts.length > 0);
    for (const text of fresh.flat()) this.asked.add(text);
    const before = this.pending;
    this.pending = (async () => {
      await before;
      for (const texts of fresh) await this.ask(texts);
      for (const draft of drafts) this.tell(draft);
    })();
    return this.pending;
  }

  /** Waits until all names are looked up. */
  async settled(): Promise<void> {
    await Promise.race([this.pending, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  }

  private async ask(texts: readonly string[]): Promise<void> {
    try {
      for (const person of await named(texts)) this.people.set(person.id, person);
      this.failed = false;
    } catch {
      for (const text of texts) this.asked.delete(text);
      this.failed = true;
    }
  }

  private tell(draft: Draft): void {
    draft.named = [...this.people.values()].filter((person) => namedBy(draft.path, person) !== null);
  }
}
