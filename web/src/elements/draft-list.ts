/** The files of the batch that is being put together: in groups, with eye and kind, chosen together or one by one. */
import { HEAD, readFacts } from "../lib/facts.ts";
import type { Chosen } from "../lib/folder.ts";
import { EYES, alone, typing } from "../lib/keys.ts";
import { NONE, type Selection, advance, all, extend, neighbour, only, toggle } from "../lib/select.ts";
import { groupKey } from "../lib/suggest.ts";
import { bytes, files } from "../lib/text.ts";
import { thumbnail } from "../lib/thumbs.ts";
import { type Draft, DraftGroup, digester } from "./draft-group.ts";
import { type Person, copy, inSlices, part, setText } from "./parts.ts";

/** Choosing a kind is a habit of the room, so it is remembered; eye and patient never are. */
const LAST_KIND = "last-kind";
/** Up to so many files each has its row; above, groups are folded, and rows come so many at a time. */
const ROWS = 60;
/** Heads read side by side. */
const ABREAST = 16;
/** Files hashed ahead of being sent: those of the first declaration. */
const HASHED_AHEAD = 100;

export class DraftList {
  private readonly groups = new Map<string, DraftGroup>();
  private readonly drafts = new Map<string, Draft>();
  private readonly place: HTMLElement;
  private selection: Selection = NONE;
  private person: Person | null = null;
  private cleared = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly hash: (file: File, idle: boolean) => Promise<string>,
    private readonly changed: () => void,
  ) {
    this.place = part(root, "[data-groups]");
    this.place.addEventListener("click", (event) => this.click(event));
    this.place.addEventListener("change", (event) => this.pickKind(event));
    part(root, ".bar .eyes").addEventListener("click", ({ target }) => {
      const eye = (target as Element).closest<HTMLElement>("[data-eye]")?.dataset["eye"];
      if (eye) this.giveEye(eye);
    });
    part(root, "[data-kind]").addEventListener("change", () => this.giveKind(this.kinds().value));
    this.kinds().value = remembered();
  }

  get size(): number {
    return this.drafts.size;
  }

  get all(): readonly DraftGroup[] {
    return [...this.groups.values()];
  }

  /** Groups that have a patient, with him or her. */
  get owned(): readonly (readonly [DraftGroup, Person])[] {
    return this.all.flatMap((group) => {
      const owner = group.owner(this.person);
      return owner ? [[group, owner] as const] : [];
    });
  }

  /** Whose files these are, unless a group says otherwise. */
  choose(person: Person | null): void {
    this.person = person;
    this.show();
  }

  /** Reads what the files say about themselves, and lists them. */
  async add(chosen: readonly Chosen[], handles: readonly FileSystemHandle[], reading: (done: number) => void): Promise<void> {
    const epoch = this.cleared;
    const known = new Set([...this.drafts.values()].map(identity));
    const fresh = chosen.filter((one) => !known.has(identity(one)));
    const start = this.drafts.size === 0;
    for (let at = 0; at < fresh.length; at += ABREAST) {
      const some = fresh.slice(at, at + ABREAST);
      const drafts = await Promise.all(some.map((one) => this.draft(one, handles)));
      if (epoch !== this.cleared) return;
      for (const draft of drafts) this.append(draft);
      reading(Math.min(at + ABREAST, fresh.length));
    }
    for (const draft of [...this.drafts.values()].slice(0, HASHED_AHEAD)) void draft.digest()?.catch(() => undefined);
    this.fold();
    const first = this.keys()[0];
    // Shown first: nothing hidden can take the focus.
    this.changed();
    if (start && first) this.select(only(first), true);
    else this.show();
  }

  /** Takes these groups off the list: they are sent, or not wanted. */
  take(groups: readonly DraftGroup[]): void {
    for (const group of groups) {
      for (const ref of group.drafts.keys()) this.drafts.delete(ref);
      group.element.remove();
      this.groups.delete(group.key);
    }
    this.selection = NONE;
    this.show();
  }

  /** Forgets everything, also what is just being read. */
  clear(): void {
    this.cleared++;
    this.take(this.all);
  }

  /** Any key pressed on the page: digits give an eye wherever the focus is, the others move within the list. */
  press(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (typing(target) || this.drafts.size === 0) return;
    const eye = EYES[event.key];
    if (eye && alone(event)) {
      event.preventDefault();
      this.giveEye(eye);
    } else if (target === document.body || target.closest("[data-rows]") || target.matches("[data-choose]")) this.move(event);
  }

  private async draft({ file, path }: Chosen, handles: readonly FileSystemHandle[]): Promise<Draft> {
    const head = await file.slice(0, HEAD).arrayBuffer().catch(() => new ArrayBuffer(0));
    const facts = readFacts(new Uint8Array(head), new Date());
    return { ref: crypto.randomUUID(), file, path, facts, handles, digest: digester(file, this.hash), eye: facts.eye, kind: facts.kind ?? this.kinds().value, listed: false, row: null };
  }

  private append(draft: Draft): void {
    const { path, facts } = draft;
    const key = groupKey(path, facts.patient);
    let group = this.groups.get(key);
    if (!group) {
      group = new DraftGroup(this.root, key, path.split("/").slice(0, -1).slice(0, 2).join(" / ") || "Files", facts.patient, () => this.regrouped());
      this.groups.set(key, group);
      this.place.append(group.element);
      this.listen(group);
    }
    group.drafts.set(draft.ref, draft);
    this.drafts.set(draft.ref, draft);
  }

  private listen(group: DraftGroup): void {
    const more = (): void => this.unfold(group, ROWS);
    part(group.element, "[data-unfold]").addEventListener("click", more);
    part(group.element, "[data-more]").addEventListener("click", more);
    part(group.element, "[data-drop-group]").addEventListener("click", () => {
      this.take([group]);
      this.changed();
    });
  }

  /** A group of many has a head and no rows until somebody asks for them. */
  private fold(): void {
    const few = this.drafts.size <= ROWS;
    for (const group of this.groups.values()) {
      part(group.element, "[data-unfold]").hidden = few || [...group.drafts.values()].some(({ listed }) => listed);
      if (few) this.unfold(group, ROWS);
      group.rows.ariaLabel = this.groups.size === 1 ? "Files to send" : `Files to send of ${part(group.element, "[data-title]").textContent}`;
    }
  }

  private unfold(group: DraftGroup, more: number): void {
    const hidden = [...group.drafts.values()].filter(({ listed }) => !listed);
    const some = hidden.slice(0, more);
    for (const draft of some) draft.listed = true;
    part(group.element, "[data-unfold]").hidden = true;
    part(group.element, "[data-more]").hidden = hidden.length <= more;
    inSlices(some, (draft) => {
      if (!this.drafts.has(draft.ref)) return;
      group.rows.append(this.row(draft));
      const { chosen, active } = this.selection;
      paint(draft, chosen.has(draft.ref), draft.ref === active);
    });
    this.show();
  }

  private row(draft: Draft): HTMLElement {
    const row = copy(this.root, "template[data-row]");
    const { file, path } = draft;
    row.dataset["ref"] = draft.ref;
    part<HTMLInputElement>(row, ".tick").setAttribute("aria-label", `Select ${file.name}`);
    part(row, ".eyes").setAttribute("aria-label", `Eye of ${file.name}`);
    setText(row, ".name b", file.name);
    part(row, ".name b").title = path;
    setText(row, ".say", bytes(file.size));
    draft.row = row;
    void draw(row, file);
    return row;
  }

  private keys(): string[] {
    return this.all.flatMap(({ drafts }) => [...drafts.values()].filter(({ listed }) => listed).map(({ ref }) => ref));
  }

  private click(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    const ref = target.closest<HTMLElement>(".file")?.dataset["ref"];
    if (!ref) return;
    const eye = target.closest<HTMLElement>("[data-eye]")?.dataset["eye"];
    if (target.closest("[data-remove]")) this.remove([ref]);
    else if (eye) this.setEye([ref], eye);
    else if (target.closest("select")) return;
    else if (event.shiftKey) this.select(extend(this.selection, this.keys(), ref), true);
    else if (event.ctrlKey || event.metaKey || target.matches(".tick")) this.select(toggle(this.selection, ref), true);
    else this.select(only(ref), true);
  }

  private move(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined) {
      const next = neighbour(this.selection, this.keys(), step);
      if (next) this.select(event.shiftKey ? extend(this.selection, this.keys(), next) : only(next), true);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.select(all(this.keys()), true);
    else if ((event.key === "Delete" || event.key === "Backspace") && alone(event)) this.remove([...this.selection.chosen]);
    else return;
    event.preventDefault();
  }

  private giveEye(eye: string): void {
    this.setEye([...this.selection.chosen], eye);
    const shown = this.keys();
    const needy = shown.filter((ref) => this.drafts.get(ref)?.eye === null);
    this.select(advance(this.selection, shown, needy), this.place.contains(document.activeElement));
  }

  private setEye(refs: readonly string[], eye: string): void {
    for (const ref of refs) {
      const draft = this.drafts.get(ref);
      if (draft) draft.eye = eye;
    }
    this.regrouped();
  }

  private giveKind(kind: string): void {
    remember(kind);
    // With nothing to point at, all files are meant.
    const refs = this.keys().length > 0 ? this.selection.chosen : this.drafts.keys();
    for (const ref of refs) this.setKind(ref, kind);
  }

  private pickKind({ target }: Event): void {
    const ref = target instanceof HTMLSelectElement && target.closest<HTMLElement>(".file")?.dataset["ref"];
    if (!ref) return;
    remember(target.value);
    this.setKind(ref, target.value);
  }

  private setKind(ref: string, kind: string): void {
    const draft = this.drafts.get(ref);
    if (!draft) return;
    draft.kind = kind;
    if (draft.row) part<HTMLSelectElement>(draft.row, "select").value = kind;
  }

  private remove(refs: readonly string[]): void {
    const before = this.keys();
    const at = Math.min(...refs.map((ref) => before.indexOf(ref)));
    for (const ref of refs) {
      this.drafts.get(ref)?.row?.remove();
      this.drafts.delete(ref);
      for (const group of this.groups.values()) group.drafts.delete(ref);
    }
    this.take(this.all.filter(({ drafts }) => drafts.size === 0));
    const rest = this.keys();
    const next = rest[Math.min(at, rest.length - 1)];
    this.select(next ? only(next) : NONE, true);
    this.changed();
  }

  private regrouped(): void {
    this.show();
    this.changed();
  }

  private select(selection: Selection, focus: boolean): void {
    this.selection = selection;
    this.show();
    const row = selection.active ? this.drafts.get(selection.active)?.row : null;
    if (focus && row) part(row, ".tick").focus();
  }

  /** Puts selection, eyes and counts on the screen. One row is in the tab order, the others are reached by arrows. */
  private show(): void {
    const { chosen, active } = this.selection;
    const shown = this.keys().flatMap((ref) => this.drafts.get(ref) ?? []);
    for (const draft of shown) paint(draft, chosen.has(draft.ref), draft.ref === active);
    const some = shown.filter(({ ref }) => chosen.has(ref));
    for (const one of this.root.querySelectorAll<HTMLElement>(".bar [data-eye]")) {
      one.ariaPressed = String(some.length > 0 && some.every(({ eye }) => eye === one.dataset["eye"]));
    }
    part(this.root, ".bar .eyes").hidden = shown.length === 0;
    setText(this.root, "[data-count]", shown.length ? `${some.length} of ${files(this.drafts.size)} selected` : files(this.drafts.size));
    const plain = this.groups.size === 1 && this.drafts.size <= ROWS;
    for (const group of this.groups.values()) group.show(this.person, plain);
  }

  private kinds(): HTMLSelectElement {
    return part(this.root, "[data-kind]");
  }
}

function paint({ row, eye, kind }: Draft, chosen: boolean, active: boolean): void {
  if (!row) return;
  const tick = part<HTMLInputElement>(row, ".tick");
  row.classList.toggle("on", chosen);
  tick.checked = chosen;
  tick.tabIndex = active ? 0 : -1;
  part(row, ".eyes").classList.toggle("open", eye === null);
  for (const one of row.querySelectorAll<HTMLElement>("[data-eye]")) one.ariaPressed = String(one.dataset["eye"] === eye);
  part<HTMLSelectElement>(row, "select").value = kind;
}

const identity = ({ file, path }: { file: File; path: string }): string => `${path}/${file.size}/${file.lastModified}`;

async function draw(row: HTMLElement, file: File): Promise<void> {
  const canvas = await thumbnail(file).catch(() => null);
  const ending = /\.(\w{1,5})$/.exec(file.name)?.[1]?.toUpperCase() ?? "FILE";
  part(row, ".thumb").replaceChildren(canvas ?? ending);
}

function remembered(): string {
  try {
    return localStorage.getItem(LAST_KIND) ?? "";
  } catch {
    return "";
  }
}

function remember(kind: string): void {
  try {
    localStorage.setItem(LAST_KIND, kind);
  } catch {
    // A browser that stores nothing only forgets a habit.
  }
}
