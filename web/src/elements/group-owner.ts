/** Whose the files of one group are: what they suggest, what stands against it, and the word of a person. */
import type { Suggestion } from "../lib/suggest.ts";
import { type Person, button, copy, part, search, setText, showPerson } from "./parts.ts";

/** Milliseconds without a key before what is typed is looked for. */
const PAUSE = 250;
/** People offered at once. */
const MOST = 5;

/** What is known of a group when it is shown. */
export interface Whose {
  readonly title: string;
  readonly owner: Person | null;
  /** What of the header, or of the path, is another one than the owner's. */
  readonly against: readonly string[];
  readonly suggestion: Suggestion<Person> | null;
  /** People who may be meant, the likeliest first. */
  readonly people: readonly Person[];
  /** Whether the owner needs no naming here: there is one group, and its patient stands above. */
  readonly quiet: boolean;
}

export class GroupOwner {
  /** Whom a person confirmed for this group. */
  person: Person | null = null;
  /** Why files are this patient's although they name another one. */
  reason = "";
  /** The files about which that was said, by reference: of others nobody has said it. */
  insisted: ReadonlySet<string> = new Set();
  private readonly element: HTMLElement;
  private changing = false;
  /** Who stands in the words and on the button of insisting. */
  private shown: Person | null = null;
  private shownFor = "";
  private typing: ReturnType<typeof setTimeout> | undefined;

  constructor(
    root: HTMLElement,
    place: HTMLElement,
    /** References of the group's files now. */
    private readonly refs: () => readonly string[],
    private readonly changed: () => void,
    makeNew: () => void,
  ) {
    this.element = copy(root, "template[data-whose]");
    place.replaceWith(this.element);
    part(this.element, "[data-change]").addEventListener("click", () => this.change());
    part(this.element, "[data-new]").addEventListener("click", makeNew);
    part(this.element, "[data-insist] button").addEventListener("click", () => this.insist());
    const find = part<HTMLInputElement>(this.element, "[data-find]");
    find.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => void this.look(find.value.trim(), false), PAUSE);
    });
    find.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      clearTimeout(this.typing);
      void this.look(find.value.trim(), true);
    });
  }

  /** Whether somebody has asked to say anew whose these are. */
  get isOpen(): boolean {
    return this.changing;
  }

  take(person: Person, reason = ""): void {
    this.person = person;
    this.reason = reason;
    this.insisted = new Set(reason ? this.refs() : []);
    this.changing = false;
    part<HTMLInputElement>(this.element, "[data-find]").value = "";
    part(this.element, "[data-results]").replaceChildren();
    this.changed();
  }

  show(whose: Whose): void {
    const { owner, against, suggestion, people, quiet, title } = whose;
    const asks = this.changing || against.length > 0 || (owner === null && !quiet);
    const key = JSON.stringify([owner?.id, against, suggestion?.person.id, suggestion?.sure, people.map(({ id }) => id), quiet, this.changing, this.reason]);
    if (this.shownFor === key) return;
    this.shownFor = key;
    this.shown = owner;
    this.element.hidden = !asks && (owner === null || quiet);
    part(this.element, "[data-now]").hidden = owner === null || asks || quiet;
    part(this.element, "[data-asks]").hidden = !asks;
    if (owner) showPerson(part(this.element, "[data-now]"), owner);
    if (!asks) return;
    part(this.element, "[data-asks]").classList.toggle("guard", against.length > 0);
    setText(this.element, "[data-words]", this.words(whose));
    part(this.element, "[data-find]").setAttribute("aria-label", `Find the patient of ${title}`);
    this.offer(people.filter(({ id }) => against.length === 0 || id !== owner?.id), suggestion);
    const insist = part(this.element, "[data-insist]");
    insist.hidden = owner === null || against.length === 0;
    if (owner) setText(insist, "button", `They are ${owner.name}'s all the same`);
  }

  private words({ owner, against, suggestion, people }: Whose): string {
    if (owner && against.length > 0) {
      return `These files name another ${against.join(" and ")} than ${owner.name}, born ${owner.born}, MRN ${owner.mrn}. Nothing of them is sent before you say whose they are.`;
    }
    if (suggestion?.sure) return "Whose are these files? The record number fits:";
    if (suggestion) return suggestion.by === "number" ? "Whose are these files? The record number fits, but not everything does. Compare:" : "Whose are these files? Only the name fits. Compare the birth date:";
    return people.length > 0 ? "Whose are these files?" : "Whose are these files? They name nobody who is known here.";
  }

  private offer(people: readonly Person[], suggestion: Suggestion<Person> | null): void {
    const first = suggestion ? [suggestion.person] : [];
    const all = [...new Map([...first, ...people].map((one) => [one.id, one])).values()].filter((one) => people.includes(one));
    part(this.element, "[data-people]").replaceChildren(...all.slice(0, MOST).map((one) => this.choice(one)));
  }

  private choice(person: Person): HTMLElement {
    const made = button(`They are ${person.name}'s, ${person.born}, MRN ${person.mrn}`, () => this.take(person));
    if (person.alike) made.append(" ", Object.assign(document.createElement("span"), { className: "tag warn", textContent: person.alike }));
    return made;
  }

  private async look(text: string, entered: boolean): Promise<void> {
    const results = part(this.element, "[data-results]");
    const found = text ? await search(text) : [];
    // What is typed by now may be something else.
    if (part<HTMLInputElement>(this.element, "[data-find]").value.trim() !== text) return;
    if (entered && found.length === 1) return this.take(found[0]!);
    results.replaceChildren(...found.slice(0, MOST).map((one) => this.choice(one)));
    if (text && found.length === 0) results.append("Nobody found for this name, birth date or record number.");
    if (found.length > MOST) results.append("There are more. Type more of the name, or the record number.");
  }

  private change(): void {
    this.changing = true;
    this.person = null;
    this.reason = "";
    this.insisted = new Set();
    this.changed();
    part(this.element, "[data-find]").focus();
  }

  private insist(): void {
    const choice = part<HTMLSelectElement>(this.element, "[data-insist] select");
    if (!choice.value) return choice.focus();
    if (this.shown) this.take(this.shown, choice.value);
  }
}

