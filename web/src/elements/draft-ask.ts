/** Asks, in the page and at once, before an act would overrule what files say. */
import { question } from "../lib/ask.ts";
import { type Drafts, type Plan, fileSays } from "../lib/draft.ts";
import { part, setText } from "./parts.ts";

interface Asked {
  readonly plan: Plan;
  readonly done: () => void;
}

export class DraftAsk {
  private readonly place: HTMLElement;
  private waiting: Asked[] = [];

  /** `words`: how a value of a plan reads. */
  constructor(
    root: HTMLElement,
    private readonly drafts: Drafts,
    private readonly words: (plan: Plan, value: string) => string,
    private readonly closed: () => void,
  ) {
    this.place = part(root, "[data-ask]");
    part(this.place, "[data-all]").addEventListener("click", () => this.answer("all"));
    part(this.place, "[data-keep]").addEventListener("click", () => this.answer("rest"));
    part(this.place, "[data-cancel]").addEventListener("click", () => this.answer(null));
    this.place.addEventListener("keydown", (event) => event.key === "Escape" && this.answer(null));
  }

  get open(): boolean {
    return this.waiting.length > 0;
  }

  /** Does what is planned, at once where no file says something else. `more`: behind what is being asked already. */
  put(plan: Plan, done: () => void, more = false): void {
    if (!more) this.waiting = [];
    if (plan.against.length === 0) {
      this.drafts.give(plan, "all");
      if (!this.open) this.show();
      return done();
    }
    this.waiting.push({ plan, done });
    this.show();
  }

  /** Files that are gone are not asked about any more. */
  drop(): void {
    this.waiting = this.waiting.filter(({ plan }) => plan.against.some((ref) => this.drafts.has(ref)));
    this.show();
  }

  private answer(which: "all" | "rest" | null): void {
    const asked = this.waiting.shift();
    if (!asked) return;
    if (which) this.drafts.give(asked.plan, which);
    this.show();
    // Nothing was done: what was selected for it stays selected.
    if (which) asked.done();
    if (!this.open) this.closed();
  }

  private show(): void {
    const [asked] = this.waiting;
    this.place.hidden = !asked;
    if (!asked) return;
    const { plan } = asked;
    const says = plan.against.filter((ref) => this.drafts.has(ref)).map((ref) => this.words(plan, fileSays(this.drafts.get(ref), plan.field) ?? ""));
    const { text, all, keep } = question(plan.refs.length, says, this.words(plan, plan.value ?? ""));
    setText(this.place, "[data-text]", text);
    setText(this.place, "[data-all]", all);
    setText(this.place, "[data-keep]", keep);
    part(this.place, "[data-cancel]").hidden = plan.refs.length === plan.against.length;
    this.place.scrollIntoView({ block: "nearest" });
    // What is pressed by mistake, once more, changes nothing that a file says.
    part(this.place, "[data-keep]").focus();
  }
}
