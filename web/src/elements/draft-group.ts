/** Files that belong together before they are sent: whose they are, what their headers say, and what their names suggest. */
import { counts, type Drafts, fileSays, needsEye } from "../lib/draft.ts";
import type { Hint } from "../lib/facts.ts";
import { day } from "../lib/capture.ts";
import { namedBy } from "../lib/path-words.ts";
import { SINGLE_LIMIT } from "../lib/plan.ts";
import { type Suggestion, suggestedEye, suggestion } from "../lib/suggest.ts";
import { bytes, files } from "../lib/text.ts";
import { against } from "../lib/who.ts";
import { type Draft, paintEye } from "./draft-row.ts";
import { GroupOwner } from "./group-owner.ts";
import { type Person, copy, part, search, setText } from "./parts.ts";

/** What a group may ask of the list that it stands in. */
export interface Acts {
  readonly changed: () => void;
  readonly makeNew: (group: DraftGroup) => void;
  readonly giveEye: (group: DraftGroup, eye: string) => void;
  readonly confirmNames: (suggested: ReadonlyMap<string, string>) => void;
}

export class DraftGroup {
  readonly element: HTMLElement;
  readonly drafts = new Map<string, Draft>();
  readonly whose: GroupOwner;
  /** Whether it was the only group, and the page's patient its own, before others came: so it stays while he or she is chosen. */
  ofPage = false;
  /** Whom a search for what the header says found; null: nobody has looked yet. */
  private found: readonly Person[] | null = null;
  private lookedFor = "";

  constructor(
    root: HTMLElement,
    readonly key: string,
    /** What the files are called where their headers name nobody. */
    private readonly folder: string,
    private readonly model: Drafts,
    acts: Acts,
  ) {
    this.element = copy(root, "template[data-group]");
    this.whose = new GroupOwner(root, part(this.element, "[data-owner]"), () => this.refs, () => acts.changed(), () => acts.makeNew(this));
    part(this.element, "[data-confirm]").addEventListener("click", () => acts.confirmNames(this.suggestedEyes()));
    part(this.element, ".group-acts .eyes").addEventListener("click", ({ target }) => {
      const eye = (target as Element).closest<HTMLElement>("[data-group-eye]")?.dataset["groupEye"];
      if (eye) acts.giveEye(this, eye);
    });
  }

  get rows(): HTMLElement {
    return part(this.element, "[data-rows]");
  }

  get all(): readonly Draft[] {
    return [...this.drafts.values()];
  }

  get refs(): readonly string[] {
    return [...this.drafts.keys()];
  }

  get needy(): readonly Draft[] {
    return this.all.filter(({ ref }) => needsEye(this.model.get(ref)));
  }

  /** What the headers say about the patient, each thing once. */
  get hints(): readonly Hint[] {
    return [...new Map(this.all.flatMap(({ facts }) => (facts.patient ? [[JSON.stringify(facts.patient), facts.patient] as const] : []))).values()];
  }

  get title(): string {
    const [hint] = this.hints;
    return hint ? `The files say: ${said(hint)}` : this.folder;
  }

  /** Whether the files say by themselves whose they are. */
  get namesSomebody(): boolean {
    return this.hints.length > 0 || this.all.some(({ named }) => named.length > 0);
  }

  /** Whether a further file may join it: nobody joins those about which a person has said something, but for the page's own patient. */
  takes(page: Person | null): boolean {
    const { person, reason } = this.whose;
    return person === null || (person.id === page?.id && !reason);
  }

  /** Whose the files are: whom a person confirmed for this group; `alone`, of a single group, whoever is chosen for the page. */
  owner(page: Person | null, alone: boolean): Person | null {
    if (this.whose.isOpen) return null;
    return this.whose.person ?? (alone || this.ofPage ? page : null);
  }

  /** What stands against sending these files for this patient. */
  against(person: Person | null): string[] {
    if (!person) return [];
    // Of these a person has said that they are this patient's all the same.
    const unsaid = this.all.filter(({ ref }) => !this.whose.insisted.has(ref));
    const header = unsaid.flatMap(({ facts }) => against(facts, person));
    const path = others(unsaid, person).map(([draft, other]) => (namedBy(draft.path, other) === "number" ? "record number in the path" : "name in the path"));
    return [...new Set([...header, ...path])];
  }

  /** What the files suggest. */
  suggestion(): Suggestion<Person> | null {
    const named = this.all.map((draft) => draft.named);
    const bare = this.all.filter(({ facts }) => !facts.patient).length;
    return suggestion({ hints: this.hints, bare, paths: this.all.map(({ path }) => path), named, found: this.found ?? [] });
  }

  /** Looks for whom the headers name, once; says whether anything is known now that was not before. */
  async lookUp(): Promise<boolean> {
    const [hint] = this.hints;
    const asked = hint ? JSON.stringify(hint) : "";
    if (!hint || this.lookedFor === asked) return false;
    this.lookedFor = asked;
    const byNumber = hint.id ? await search(hint.id) : [];
    this.found = byNumber.length > 0 || !hint.name ? byNumber : await search(hint.name.split(/[\s,]+/).slice(0, 2).join(" "));
    return true;
  }

  /** Puts head, sums and questions on the screen. `alone`: the only group. `plain`: and one of a few files, which needs no head. */
  show(page: Person | null, alone: boolean, plain: boolean): void {
    const { all } = this;
    const owner = this.owner(page, alone);
    const against = this.against(owner);
    const suggested = this.suggestedEyes();
    const quiet = alone && !this.whose.person && (page !== null || !this.namesSomebody);
    part(this.element, "[data-head]").hidden = plain && suggested.size === 0 && quiet && against.length === 0 && !this.whose.isOpen;
    setText(this.element, "[data-title]", this.title);
    part(this.element, ".eyes").setAttribute("aria-label", `Eye of all in ${this.title}`);
    const needy = this.needy.length;
    setText(this.element, "[data-sum]", `${files(all.length)} · ${bytes(all.reduce((sum, { file }) => sum + file.size, 0))}${needy ? ` · ${needy} without eye` : ""}`);
    const confirm = part(this.element, "[data-confirm]");
    confirm.hidden = suggested.size === 0;
    setText(this.element, "[data-confirm]", `Confirm what the names suggest: ${count(suggested)}`);
    this.showEyes();
    const found = new Map([...(this.found ?? []), ...all.flatMap(({ named }) => named), ...(page ? [page] : [])].map((one) => [one.id, one]));
    this.whose.show({ title: this.title, owner, against, suggestion: this.suggestion(), people: [...found.values()], quiet });
  }

  private showEyes(): void {
    const models = this.all.map(({ ref }) => this.model.get(ref));
    for (const one of this.element.querySelectorAll<HTMLElement>("[data-group-eye]")) {
      const eye = one.dataset["groupEye"]!;
      const whole = models.length > 0 && models.every((model) => counts(model, "eye") === eye);
      const said = whole && models.every((model) => model.said.eye === eye);
      paintEye(one, said ? eye : null, whole && models.some((model) => fileSays(model, "eye") === eye) ? eye : null);
    }
  }

  /** What file names suggest for files that nobody has given an eye; one that contradicts itself is looked at by itself. */
  private suggestedEyes(): Map<string, string> {
    return new Map(this.needy.flatMap(({ ref, path, facts }) => {
      const eye = facts.contradicts ? null : suggestedEye(path);
      return eye ? [[ref, eye] as const] : [];
    }));
  }
}

/** Files whose path names somebody else, and not this patient, with whom. */
function others(drafts: readonly Draft[], person: Person): (readonly [Draft, Person])[] {
  return drafts.flatMap((draft) => {
    const other = draft.named.every(({ id }) => id !== person.id) && namedBy(draft.path, person) === null ? draft.named[0] : undefined;
    return other ? [[draft, other] as const] : [];
  });
}

const said = ({ name, birth, id }: Hint): string => [name, birth && `born ${day(birth)}`, id && `MRN ${id}`].filter(Boolean).join(" · ");

/** 12 OD, 10 OS */
function count(suggested: ReadonlyMap<string, string>): string {
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
