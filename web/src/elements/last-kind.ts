/** The kind that was given last: a habit of the room, so this browser remembers it; it is offered, and given only by a press. */
import { type Drafts, counts } from "../lib/draft.ts";
import type { Kinds } from "./draft-row.ts";
import { part } from "./parts.ts";

const STORE = "last-kind";

export class LastKind {
  private readonly button: HTMLElement;
  private refs: readonly string[] = [];

  constructor(
    root: HTMLElement,
    private readonly drafts: Drafts,
    private readonly kinds: Kinds,
    give: (kind: string, refs: readonly string[]) => void,
  ) {
    this.button = part(root, "[data-last-kind]");
    this.button.addEventListener("click", () => give(remembered(), this.refs));
  }

  remember(kind: string): void {
    try {
      if (kind) localStorage.setItem(STORE, kind);
    } catch {
      // A browser that stores nothing only forgets a habit.
    }
  }

  /** Offers it for those of these files that have no kind. */
  show(refs: readonly string[]): void {
    const words = this.kinds.get(remembered());
    this.refs = refs.filter((ref) => this.drafts.has(ref) && counts(this.drafts.get(ref), "kind") === null);
    this.button.hidden = words === undefined || this.refs.length === 0;
    const text = `As last time: ${words} for ${this.refs.length === 1 ? "1 file" : `${this.refs.length} files`}`;
    if (this.button.textContent !== text) this.button.textContent = text;
  }
}

function remembered(): string {
  try {
    return localStorage.getItem(STORE) ?? "";
  } catch {
    return "";
  }
}
