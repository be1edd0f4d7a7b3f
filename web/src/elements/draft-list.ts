/** The files of the batch that is being put together: in groups, with eye, kind and time, given together or one by one. */
import { type Field, Drafts, counts, fileSays } from "../lib/draft.ts";
import type { Chosen } from "../lib/folder.ts";
import { moment } from "../lib/capture.ts";
import { EYES, alone, typing } from "../lib/keys.ts";
import { inOrder } from "../lib/names.ts";
import { fileName } from "../lib/outside.ts";
import { reader } from "../lib/reader.ts";
import { NONE, type Selection, advance, all, extend, neighbour, only, toggle } from "../lib/select.ts";
import { groupKey, grouping } from "../lib/suggest.ts";
import { files } from "../lib/text.ts";
import { type Code, type Taken, refusedByContents } from "../lib/types.ts";
import { DraftAsk } from "./draft-ask.ts";
import { DraftGroup, digester } from "./draft-group.ts";
import { type Draft, type Kinds, makeRow, paintEye, paintRow } from "./draft-row.ts";
import { LastKind } from "./last-kind.ts";
import { PathGuard } from "./path-guard.ts";
import { type Person, inSlices, part, setText } from "./parts.ts";
import { TimeEditor } from "./time-editor.ts";

/** Up to so many files each has its row; above, groups are folded, and rows come so many at a time. */
const ROWS = 60;
/** Heads read side by side. */
const ABREAST = 16;
/** Files hashed ahead of being sent: those of the first declaration. */
const HASHED_AHEAD = 100;

export interface Hooks {
  readonly hash: (file: File, idle: boolean) => Promise<string>;
  readonly changed: () => void;
  readonly say: (text: string) => void;
  /** A patient is to be made for this group. */
  readonly makeNew: (group: DraftGroup) => void;
}

export interface Refused {
  readonly name: string;
  readonly code: Code;
}

export class DraftList {
  readonly model = new Drafts();
  private readonly groups = new Map<string, DraftGroup>();
  private readonly drafts = new Map<string, Draft>();
  private readonly place: HTMLElement;
  private readonly kinds: Kinds;
  private readonly ask: DraftAsk;
  private readonly times: TimeEditor;
  private readonly lastKind: LastKind;
  private readonly paths = new PathGuard();
  private selection: Selection = NONE;
  private adding: Promise<unknown> = Promise.resolve();
  private person: Person | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly taken: Taken,
    private readonly hooks: Hooks,
  ) {
    this.place = part(root, "[data-groups]");
    this.kinds = new Map([...this.kindChoice.options].slice(1).map(({ value, text }) => [value, text]));
    this.ask = new DraftAsk(root, this.model, ({ field }, value) => this.words(field, value), () => this.answered());
    this.times = new TimeEditor(root, (refs, value) => this.give("capturedAt", value, refs, refs.length > 1));
    this.lastKind = new LastKind(root, this.model, this.kinds, (kind, refs) => this.give("kind", kind, refs));
    this.place.addEventListener("click", (event) => this.click(event));
    this.place.addEventListener("change", (event) => this.pickKind(event));
    this.listenToBar();
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
      const owner = this.owner(group);
      return owner ? [[group, owner] as const] : [];
    });
  }

  /** Whether something is asked that a person has not answered. */
  get asking(): boolean {
    return this.ask.open;
  }

  /** How many files have names that could not be compared with the patients who are known. */
  get unguarded(): number {
    return this.missing.length;
  }

  /** Waits until all files that were chosen are read, and until it is known whom their names name. */
  async settled(): Promise<void> {
    await this.adding;
    await this.paths.settled();
  }

  /** Whose files these are, if there is one group, and it says nothing else. */
  choose(person: Person | null): void {
    // What was another patient's only because he or she was chosen is nobody's now.
    if (person?.id !== this.person?.id) for (const group of this.all) group.ofPage = false;
    this.person = person;
    this.show();
  }

  /** Reads what the files say about themselves, and lists them; gives those that cannot be stored, and the references of the others. One choice after the other. */
  add(...choice: Parameters<DraftList["read"]>): ReturnType<DraftList["read"]> {
    const read = this.adding.then(() => this.read(...choice));
    this.adding = read.catch(() => undefined);
    return read;
  }

  private async read(chosen: readonly Chosen[], handles: readonly FileSystemHandle[], reading: (done: number) => void): Promise<{ refused: Refused[]; added: string[] }> {
    const known = new Set([...this.drafts.values()].map(identity));
    const fresh = chosen.filter((one) => !known.has(identity(one)));
    const start = this.drafts.size === 0;
    const page = this.person?.id;
    const stood = this.ofPage();
    const refused: Refused[] = [];
    const added: Draft[] = [];
    for (let at = 0; at < fresh.length; at += ABREAST) {
      for (const one of await Promise.all(fresh.slice(at, at + ABREAST).map((some) => this.draft(some, handles)))) {
        if ("code" in one) refused.push(one);
        else added.push(this.append(one));
      }
      reading(Math.min(at + ABREAST, fresh.length));
    }
    for (const draft of [...this.drafts.values()].slice(0, HASHED_AHEAD)) void draft.digest()?.catch(() => undefined);
    this.regroup();
    // More files have made a second group: the first one stays whose it was.
    if (stood && this.groups.size > 1 && this.groups.has(stood.key)) stood.ofPage = this.person?.id === page;
    const first = this.keys()[0];
    // Shown first: nothing hidden can take the focus.
    this.hooks.changed();
    if (start && first) this.select(only(first), true);
    else this.show();
    void this.lookUp(added);
    return { refused, added: added.map(({ ref }) => ref) };
  }

  /** Takes these groups off the list: they are sent, or not wanted. */
  take(groups: readonly DraftGroup[]): void {
    for (const group of groups) {
      for (const ref of group.drafts.keys()) this.drafts.delete(ref);
      this.model.remove(group.refs);
      group.element.remove();
      this.groups.delete(group.key);
    }
    this.ask.drop();
    this.selection = NONE;
    this.show();
  }

  /** Any key pressed on the page: digits give an eye wherever the focus is, the others move within the list. */
  press(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (typing(target) || this.drafts.size === 0) return;
    const eye = EYES[event.key];
    if (eye && alone(event)) {
      event.preventDefault();
      this.giveEye(eye);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
      event.preventDefault();
      this.undo();
    } else if (target === document.body || target.closest("[data-rows]") || target.matches("[data-choose]")) this.move(event);
  }

  /** Gives files a value; what a file says otherwise is asked about first, unless `asks` is false. */
  give(field: Field, value: string | null, refs: Iterable<string>, asks = true, more = false): void {
    const plan = this.model.plan(field, value, refs);
    if (plan.refs.length > 0) this.ask.put(asks ? plan : { ...plan, against: [] }, () => this.regrouped(), more);
  }

  private owner(group: DraftGroup): Person | null {
    return group.owner(this.person, this.groups.size === 1);
  }

  /** The only group, if its files are the page's patient's, and nothing stands against it. */
  private ofPage(): DraftGroup | null {
    const [group] = this.all;
    const owner = this.groups.size === 1 && group ? this.owner(group) : null;
    return group && owner && owner === this.person && group.against(owner).length === 0 ? group : null;
  }

  private async draft({ file, path }: Chosen, handles: readonly FileSystemHandle[]): Promise<Draft | Refused> {
    const { HEAD, readFacts } = await reader();
    const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer().catch(() => new ArrayBuffer(0)));
    const name = fileName(file.name);
    const code = refusedByContents(name, file.size, head, this.taken);
    if (code) return { name, code };
    const facts = readFacts(head, new Date());
    return { ref: crypto.randomUUID(), file, name, path, facts, handles, digest: digester(file, this.hooks.hash), named: [], listed: false, row: null };
  }

  private append(draft: Draft): Draft {
    this.model.add(draft.ref, draft.facts);
    this.drafts.set(draft.ref, draft);
    this.group(groupKey(draft.path, draft.facts.patient), draft.path).drafts.set(draft.ref, draft);
    return draft;
  }

  /** The group that a file with this key joins: nothing joins unseen what a person has confirmed, so there may be a second one of it. */
  private group(base: string, path: string): DraftGroup {
    const [key, number] = this.free(base);
    const known = this.groups.get(key);
    if (known) return known;
    const folder = fileName(base.startsWith("folder/") && base.length > 7 ? base.slice(7).replaceAll("/", " / ") : path.split("/").slice(0, -1).join(" / ") || "Files") + (number > 1 ? ` (${number})` : "");
    const made: DraftGroup = new DraftGroup(this.root, key, folder, this.model, {
      changed: () => this.regrouped(),
      makeNew: (group) => this.hooks.makeNew(group),
      giveEye: (group, eye) => this.give("eye", eye, group.refs),
      confirmNames: (suggested) => {
        this.model.giveEach("eye", suggested);
        this.regrouped();
      },
    });
    this.groups.set(key, made);
    this.listen(made);
    return made;
  }

  /** The key of the first group of this kind that a file may join, or that is to be made, and which one of its kind it is. */
  private free(base: string): [string, number] {
    let [key, number] = [base, 1];
    // No path and no header holds this character: nothing else has such a key.
    while (this.groups.get(key)?.takes(this.person) === false) key = `${base}\0${++number}`;
    return [key, number];
  }

  private listen(group: DraftGroup): void {
    const more = (): void => this.unfold(group, ROWS);
    part(group.element, "[data-unfold]").addEventListener("click", more);
    part(group.element, "[data-more]").addEventListener("click", more);
    part(group.element, "[data-group-time]").addEventListener("click", ({ currentTarget }) => {
      this.editTime(group.refs, part(group.element, "[data-head]"), currentTarget as HTMLElement);
    });
    part(group.element, "[data-drop-group]").addEventListener("click", () => {
      this.take([group]);
      this.hooks.changed();
    });
  }

  private listenToBar(): void {
    const bar = part(this.root, "[data-bar]");
    part(bar, ".eyes").addEventListener("click", ({ target }) => {
      const eye = (target as Element).closest<HTMLElement>("[data-eye]")?.dataset["eye"];
      if (eye) this.giveEye(eye);
    });
    this.kindChoice.addEventListener("change", () => this.giveKind(this.kindChoice.value, this.meant));
    part(bar, "[data-bar-time]").addEventListener("click", ({ currentTarget }) => this.editTime(this.meant, bar, currentTarget as HTMLElement));
    part(bar, "[data-undo]").addEventListener("click", () => this.undo());
    part(this.root, "[data-all-suggested]").addEventListener("click", () => {
      for (const group of this.suggested()) group.whose.take(group.suggestion()!.person);
    });
  }

  /** Files that the bar is about: those selected; with nothing to point at, all. */
  private get meant(): readonly string[] {
    return this.keys().length > 0 ? [...this.selection.chosen] : [...this.drafts.keys()];
  }

  private get missing(): readonly Draft[] {
    return [...this.drafts.values()].filter((draft) => this.paths.missing(draft));
  }

  private get kindChoice(): HTMLSelectElement {
    return part(this.root, "[data-kind]");
  }

  /** Groups in the order in which people count, and the files within each. */
  private arrange(): void {
    for (const group of this.groups.values()) {
      const sorted = group.all.toSorted((a, b) => inOrder(a.path, b.path));
      group.drafts.clear();
      for (const draft of sorted) group.drafts.set(draft.ref, draft);
      inPlace(group.rows, sorted.flatMap(({ row }) => row ?? []));
    }
    const sorted = this.all.toSorted((a, b) => inOrder(a.all[0]?.path ?? "", b.all[0]?.path ?? ""));
    this.groups.clear();
    for (const group of sorted) this.groups.set(group.key, group);
    inPlace(this.place, sorted.map(({ element }) => element));
  }

  /** Whom paths name, and whom headers name, is found out while a person looks at the list. */
  private async lookUp(added: readonly Draft[]): Promise<void> {
    // What was missed before is asked about once more.
    await this.paths.look([...new Set([...added, ...this.missing])]);
    this.regroup();
    this.regrouped();
  }

  /**
   * Puts files where they belong by what is known now. What a person confirmed a group for stays; and nothing joins such a
   * group unseen, unless its patient is the one chosen for the page.
   */
  private regroup(): void {
    const drafts = this.all.flatMap((group) => group.all.map((draft) => ({ draft, group })));
    const keys = grouping(drafts.map(({ draft }) => ({ path: draft.path, patient: draft.facts.patient, named: draft.named.map(({ id }) => id) })));
    drafts.forEach(({ draft, group }, index) => {
      const base = keys[index]!;
      if (group.whose.person || this.free(base)[0] === group.key) return;
      group.drafts.delete(draft.ref);
      this.group(base, draft.path).drafts.set(draft.ref, draft);
    });
    for (const group of this.all.filter(({ drafts: rest }) => rest.size === 0)) {
      group.element.remove();
      this.groups.delete(group.key);
    }
    this.arrange();
    this.fold();
  }

  /** A group of many has a head and no rows until somebody asks for them. */
  private fold(): void {
    const few = this.drafts.size <= ROWS;
    for (const group of this.groups.values()) {
      part(group.element, "[data-unfold]").hidden = few || group.all.some(({ listed }) => listed);
      if (few) this.unfold(group, ROWS);
      group.rows.ariaLabel = this.groups.size === 1 ? "Files to send" : `Files to send of ${group.title}`;
    }
  }

  private unfold(group: DraftGroup, more: number): void {
    const hidden = group.all.filter(({ listed }) => !listed);
    const some = hidden.slice(0, more);
    for (const draft of some) draft.listed = true;
    part(group.element, "[data-unfold]").hidden = true;
    part(group.element, "[data-more]").hidden = hidden.length <= more;
    inSlices(some, (draft) => {
      if (!this.drafts.has(draft.ref)) return;
      // It may have come among others that have their rows already, or into another group.
      const home = this.all.find(({ drafts }) => drafts.has(draft.ref)) ?? group;
      const row = makeRow(this.root, draft);
      home.rows.insertBefore(row, home.all.slice(home.all.indexOf(draft) + 1).find((other) => other.row?.parentElement === home.rows)?.row ?? null);
      this.paint(draft);
    });
    this.show();
  }

  private keys(): string[] {
    return this.all.flatMap(({ drafts }) => [...drafts.values()].filter(({ listed }) => listed).map(({ ref }) => ref));
  }

  private click(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>(".file");
    const ref = row?.dataset["ref"];
    if (!row || !ref || target.closest("[data-time-edit]")) return;
    const eye = target.closest<HTMLElement>("[data-eye]")?.dataset["eye"];
    if (target.closest("[data-remove]")) this.remove([ref]);
    else if (eye) this.give("eye", eye, [ref]);
    else if (target.closest("[data-time]")) this.editTime([ref], row, target.closest<HTMLElement>("[data-time]")!);
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
    const plan = this.model.plan("eye", eye, this.selection.chosen);
    if (plan.refs.length === 0) return;
    this.ask.put(plan, () => {
      this.regrouped();
      const shown = this.keys();
      const needy = shown.filter((ref) => counts(this.model.get(ref), "eye") === null);
      this.select(advance(this.selection, shown, needy), this.place.contains(document.activeElement));
    });
  }

  private giveKind(kind: string, refs: Iterable<string>): void {
    this.lastKind.remember(kind);
    this.give("kind", kind || null, refs);
  }

  private pickKind({ target }: Event): void {
    const ref = target instanceof HTMLSelectElement && target.closest<HTMLElement>(".file")?.dataset["ref"];
    if (!ref) return;
    this.giveKind(target.value, [ref]);
    this.show();
  }

  private editTime(refs: readonly string[], place: HTMLElement, opener: HTMLElement): void {
    const owners = new Set(this.all.filter(({ drafts }) => refs.some((ref) => drafts.has(ref))).map((group) => this.owner(group)));
    const [first] = refs;
    if (first === undefined) return;
    const model = this.model.get(first);
    // Of people born on different days, the latest birth is the one that no time may precede.
    const born = [...owners].flatMap((owner) => owner?.birthDate || []).sort().at(-1) ?? null;
    this.times.open({ refs, place, opener, born, at: model.said.capturedAt ?? (refs.length === 1 ? model.facts.capturedAt : null) });
  }

  private undo(): void {
    const refs = this.model.undo();
    if (refs.length === 0) return;
    this.hooks.say(`Taken back, for ${files(refs.length)}.`);
    this.regrouped();
  }

  private remove(refs: readonly string[]): void {
    const before = this.keys();
    const at = Math.min(...refs.map((ref) => before.indexOf(ref)));
    for (const ref of refs) {
      this.drafts.get(ref)?.row?.remove();
      this.drafts.delete(ref);
      for (const group of this.groups.values()) group.drafts.delete(ref);
    }
    this.model.remove(refs);
    this.take(this.all.filter(({ drafts }) => drafts.size === 0));
    const rest = this.keys();
    const next = rest[Math.min(at, rest.length - 1)];
    this.select(next ? only(next) : NONE, true);
    this.hooks.changed();
  }

  /** Groups that may be confirmed together: their record number is one patient's, and nothing contradicts. */
  private suggested(): readonly DraftGroup[] {
    return this.groups.size > 1 ? this.all.filter((group) => this.owner(group) === null && group.suggestion()?.sure) : [];
  }

  private regrouped(): void {
    this.show();
    this.hooks.changed();
  }

  private select(selection: Selection, focus: boolean): void {
    this.selection = selection;
    this.show();
    if (focus) this.focusRow();
  }

  private answered(): void {
    this.hooks.changed();
    this.focusRow();
  }

  private focusRow(): void {
    const row = this.selection.active ? this.drafts.get(this.selection.active)?.row : null;
    if (row) part(row, ".tick").focus();
  }

  /** Puts selection, eyes and counts on the screen. One row is in the tab order, the others are reached by arrows. */
  private show(): void {
    const shown = this.keys().flatMap((ref) => this.drafts.get(ref) ?? []);
    for (const draft of shown) this.paint(draft);
    this.showBar(shown);
    const single = this.groups.size === 1;
    for (const group of this.groups.values()) {
      group.show(this.person, single, single && this.drafts.size <= ROWS);
      if (!single || group.against(this.owner(group)).length > 0 || this.owner(group) === null) void group.lookUp().then((news) => news && this.regrouped());
    }
    const sure = this.suggested();
    part(this.root, "[data-suggested]").hidden = sure.length === 0;
    setText(this.root, "[data-suggested-words]", `The record number fits in ${sure.length} of ${this.groups.size} groups, and nothing contradicts.`);
    setText(this.root, "[data-all-suggested]", `All as suggested: ${sure.length === 1 ? "1 group" : `${sure.length} groups`}`);
  }

  private showBar(shown: readonly Draft[]): void {
    const some = shown.filter(({ ref }) => this.selection.chosen.has(ref)).map(({ ref }) => this.model.get(ref));
    for (const one of this.root.querySelectorAll<HTMLElement>(".bar [data-eye]")) {
      const eye = one.dataset["eye"]!;
      const whole = some.length > 0 && some.every((model) => counts(model, "eye") === eye);
      paintEye(one, whole && some.every(({ said }) => said.eye === eye) ? eye : null, whole && some.every((model) => fileSays(model, "eye") === eye) ? eye : null);
    }
    part(this.root, ".bar .eyes").hidden = shown.length === 0;
    setText(this.root, "[data-count]", shown.length ? `${some.length} of ${files(this.drafts.size)} selected` : files(this.drafts.size));
    const kinds = new Set(some.map(({ said }) => said.kind ?? ""));
    this.kindChoice.value = kinds.size === 1 ? [...kinds][0]! : "";
    part(this.root, "[data-undo]").hidden = !this.model.canUndo;
    this.lastKind.show(this.selection.chosen.size > 1 ? [...this.selection.chosen] : [...this.drafts.keys()]);
  }

  private paint(draft: Draft): void {
    const { chosen, active } = this.selection;
    paintRow(draft, this.model.get(draft.ref), this.kinds, chosen.has(draft.ref), draft.ref === active);
  }

  private words(field: Field, value: string): string {
    if (field === "capturedAt") return moment(value);
    return field === "kind" ? (this.kinds.get(value) ?? value) : value === "unknown" ? "Not known" : value;
  }
}

const identity = ({ file, path }: { file: File; path: string }): string => `${path}/${file.size}/${file.lastModified}`;

/** Puts children into this order; where they stand so already nothing is touched, and the focus stays. */
function inPlace(place: HTMLElement, wanted: readonly HTMLElement[]): void {
  const now = [...place.children];
  if (now.length === wanted.length && wanted.every((one, index) => one === now[index])) return;
  const focused = document.activeElement;
  place.replaceChildren(...wanted);
  if (focused instanceof HTMLElement && place.contains(focused)) focused.focus();
}
