/** Files that belong together before they are sent: whose they are, what their headers say, and what their names suggest. */
import type { Facts, Hint } from "../lib/facts.ts";
import { SINGLE_LIMIT } from "../lib/plan.ts";
import { suggestedEye } from "../lib/suggest.ts";
import { bytes, files } from "../lib/text.ts";
import { differences } from "../lib/who.ts";
import { type Person, button, copy, paragraph, part, search, setText } from "./parts.ts";

/** One file before it is sent. */
export interface Draft {
  readonly ref: string;
  readonly file: File;
  readonly path: string;
  readonly facts: Facts;
  readonly handles: readonly FileSystemHandle[];
  readonly digest: (fresh?: boolean) => Promise<string | null>;
  eye: string | null;
  kind: string;
  /** Whether it has a row, or gets one in a moment. */
  listed: boolean;
  row: HTMLElement | null;
}

/** What a person says when the file names another patient than the one chosen; it goes along with the note. */
const REASONS = ["The device had the wrong patient", "The number or date was mistyped at the device", "The patient's name or number has changed", "The header is not about this patient"];

export class DraftGroup {
  readonly element: HTMLElement;
  readonly drafts = new Map<string, Draft>();
  /** Chosen for this group; null: whoever is chosen for the page. */
  person: Person | null = null;
  /** Why the files are this patient's although they name another one. */
  reason = "";
  private candidates: readonly Person[] | null = null;
  private shownFor = "";

  constructor(
    root: HTMLElement,
    readonly key: string,
    readonly title: string,
    readonly hint: Hint | null,
    private readonly changed: (group: DraftGroup) => void,
  ) {
    this.element = copy(root, "template[data-group]");
    setText(this.element, "[data-title]", hint ? `The files say: ${said(hint)}` : title);
    part(this.element, ".eyes").setAttribute("aria-label", `Eye of all in ${hint ? said(hint) : title}`);
    part(this.element, "[data-confirm]").addEventListener("click", () => this.confirm());
    part(this.element, ".group-acts .eyes").addEventListener("click", ({ target }) => {
      const eye = (target as Element).closest<HTMLElement>("[data-group-eye]")?.dataset["groupEye"];
      if (eye) this.give(eye);
    });
  }

  get rows(): HTMLElement {
    return part(this.element, "[data-rows]");
  }

  get needy(): readonly Draft[] {
    return [...this.drafts.values()].filter(({ eye }) => eye === null);
  }

  /** Whose the files are, if somebody said it: files that name a patient are nobody else's without a word. */
  owner(chosen: Person | null): Person | null {
    return this.person ?? chosen;
  }

  /** What stands against sending these files for this patient. */
  against(person: Person | null): string[] {
    return person && this.hint && !this.reason ? differences(this.hint, person) : [];
  }

  /** Puts head, sums and questions on the screen. `plain`: one group of a few files needs no head. */
  show(chosen: Person | null, plain: boolean): void {
    const all = [...this.drafts.values()];
    const suggested = this.suggested();
    const question = this.hint !== null && (!this.owner(chosen) || this.against(this.owner(chosen)).length > 0);
    part(this.element, "[data-head]").hidden = plain && suggested.size === 0 && !question && !this.person && !this.reason;
    const needy = this.needy.length;
    const owner = this.person ? ` · for ${this.person.name}, ${this.person.born}, MRN ${this.person.mrn}` : "";
    setText(this.element, "[data-sum]", `${files(all.length)} · ${bytes(all.reduce((sum, { file }) => sum + file.size, 0))}${needy ? ` · ${needy} without eye` : ""}${owner}`);
    const confirm = part(this.element, "[data-confirm]");
    confirm.hidden = suggested.size === 0;
    confirm.textContent = `Confirm what the names suggest: ${count(suggested)}`;
    for (const one of this.element.querySelectorAll<HTMLElement>("[data-group-eye]")) {
      one.ariaPressed = String(all.length > 0 && all.every(({ eye }) => eye === one.dataset["groupEye"]));
    }
    this.showGuard(chosen);
  }

  /** What file names suggest for files that nobody has given an eye. */
  private suggested(): Map<Draft, string> {
    return new Map(this.needy.flatMap((draft) => {
      const eye = suggestedEye(draft.path);
      return eye ? [[draft, eye] as const] : [];
    }));
  }

  private confirm(): void {
    for (const [draft, eye] of this.suggested()) draft.eye = eye;
    this.changed(this);
  }

  private give(eye: string): void {
    for (const draft of this.drafts.values()) draft.eye = eye;
    this.changed(this);
  }

  private showGuard(chosen: Person | null): void {
    const place = part(this.element, "[data-guard]");
    const owner = this.owner(chosen);
    const against = this.against(owner);
    const ask = this.hint !== null && (owner === null || against.length > 0);
    place.hidden = !ask;
    const now = `${ask}/${owner?.id}/${this.candidates?.length}`;
    if (!ask || this.shownFor === now) return;
    this.shownFor = now;
    if (this.candidates === null) void this.lookUp();
    const words = owner
      ? `These files name another ${against.join(" and ")} than ${owner.name}, born ${owner.born}, MRN ${owner.mrn}. Nothing of them is sent before you say whose they are.`
      : "Whose are these files?";
    place.replaceChildren(paragraph(words, owner ? "bad-text" : ""), this.matches(), ...(owner ? [this.insist(owner)] : []));
  }

  private async lookUp(): Promise<void> {
    this.candidates = [];
    const { id, name } = this.hint!;
    const found = id ? await search(id) : [];
    this.candidates = found.length > 0 || !name ? found : await search(name.split(/[\s,]+/).slice(0, 2).join(" "));
    this.changed(this);
  }

  private matches(): HTMLElement {
    const place = document.createElement("p");
    place.className = "acts";
    const found = this.candidates ?? [];
    place.append(...found.slice(0, 4).map((person) => button(`They are ${person.name}'s, ${person.born}, MRN ${person.mrn}`, () => this.match(person))));
    if (found.length === 0) place.append("Nobody with this number or name is known. Find or create the patient above, then say so here.");
    return place;
  }

  private match(person: Person): void {
    this.person = person;
    this.reason = "";
    this.changed(this);
  }

  private insist(owner: Person): HTMLElement {
    const place = document.createElement("p");
    place.className = "acts";
    const choice = document.createElement("select");
    choice.className = "input";
    choice.ariaLabel = "Reason";
    choice.append(new Option("Reason …", ""), ...REASONS.map((reason) => new Option(reason)));
    const go = button(`They are ${owner.name}'s all the same`, () => {
      if (!choice.value) return choice.focus();
      this.person = owner;
      this.reason = choice.value;
      this.changed(this);
    });
    place.append(choice, go);
    return place;
  }
}

const said = ({ name, birth, id }: Hint): string => [name, birth, id && `MRN ${id}`].filter(Boolean).join(" · ");

/** 12 OD, 10 OS */
function count(suggested: ReadonlyMap<Draft, string>): string {
  const sums = new Map<string, number>();
  for (const eye of suggested.values()) sums.set(eye, (sums.get(eye) ?? 0) + 1);
  return [...sums].map(([eye, sum]) => `${sum} ${eye}`).join(", ");
}

/** The digest of a file sent in one piece, computed once; null for a block plan. Ahead of time when nothing else is to do. */
export function digester(file: File, hash: (file: File, idle: boolean) => Promise<string>): (fresh?: boolean) => Promise<string | null> {
  if (file.size > SINGLE_LIMIT) return () => Promise.resolve(null);
  let known: Promise<string> | null = null;
  return (fresh = false) => {
    if (fresh || !known) known = hash(file, false);
    // Looked at when it is sent; until then a file that cannot be read is no unhandled fault.
    known.catch(() => undefined);
    return known;
  };
}
