/** The files of the batch that is being put together: rows with eye and kind, chosen together or one by one. */
import { EYES, alone, typing } from "../lib/keys.ts";
import { NONE, type Selection, advance, all, extend, neighbour, only, toggle } from "../lib/select.ts";
import { bytes, files } from "../lib/text.ts";
import { thumbnail } from "../lib/thumbs.ts";
import { copy, part, setText } from "./parts.ts";

/** One file before it is sent. `digest` is the hex SHA-256 of a file sent in one piece, null for a block plan. */
export interface Draft {
  readonly ref: string;
  readonly file: File;
  readonly digest: Promise<string | null>;
  readonly row: HTMLElement;
  eye: string | null;
  kind: string;
}

/** Choosing a kind is a habit of the room, so it is remembered; eye and patient never are. */
const LAST_KIND = "last-kind";

export class DraftList {
  private readonly drafts = new Map<string, Draft>();
  private readonly rows: HTMLElement;
  private selection: Selection = NONE;

  constructor(
    private readonly root: HTMLElement,
    private readonly hash: (file: File) => Promise<string | null>,
    private readonly changed: () => void,
  ) {
    this.rows = part(root, "[data-rows]");
    this.rows.addEventListener("click", (event) => this.click(event));
    this.rows.addEventListener("change", (event) => this.pickKind(event));
    part(root, ".bar .eyes").addEventListener("click", ({ target }) => {
      const eye = (target as Element).closest<HTMLElement>("[data-eye]")?.dataset["eye"];
      if (eye) this.giveEye(eye);
    });
    part(root, "[data-kind]").addEventListener("change", () => this.giveKind(this.kinds().value));
    this.kinds().value = remembered();
  }

  get all(): readonly Draft[] {
    return [...this.drafts.values()];
  }

  get needy(): readonly Draft[] {
    return this.all.filter(({ eye }) => eye === null);
  }

  add(added: readonly File[]): void {
    const start = this.drafts.size === 0;
    const known = new Set(this.all.map(({ file }) => `${file.name}/${file.size}/${file.lastModified}`));
    for (const file of added) if (!known.has(`${file.name}/${file.size}/${file.lastModified}`)) this.append(file);
    const first = this.keys()[0];
    // Shown first: nothing hidden can take the focus.
    this.changed();
    if (start && first) this.select(only(first), true);
    else this.show();
  }

  clear(): void {
    this.drafts.clear();
    this.rows.replaceChildren();
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
    } else if (target === document.body || this.rows.contains(target) || target.matches("[data-choose]")) this.move(event);
  }

  private append(file: File): void {
    const row = copy(this.root, "template[data-row]");
    const draft: Draft = { ref: crypto.randomUUID(), file, digest: this.hash(file), row, eye: null, kind: this.kinds().value };
    // Looked at when it is sent; until then a file that cannot be read is no unhandled fault.
    draft.digest.catch(() => undefined);
    row.dataset["ref"] = draft.ref;
    part<HTMLInputElement>(row, ".tick").setAttribute("aria-label", `Select ${file.name}`);
    part(row, ".eyes").setAttribute("aria-label", `Eye of ${file.name}`);
    setText(row, ".name b", file.name);
    setText(row, ".say", bytes(file.size));
    part<HTMLSelectElement>(row, "select").value = draft.kind;
    this.drafts.set(draft.ref, draft);
    this.rows.append(row);
    void draw(row, file);
  }

  private keys(): string[] {
    return [...this.drafts.keys()];
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
    const given = [...this.selection.chosen];
    this.setEye(given, eye);
    const needy = this.needy.map(({ ref }) => ref);
    this.select(advance(this.selection, this.keys(), needy), this.rows.contains(document.activeElement));
  }

  private setEye(refs: readonly string[], eye: string): void {
    for (const ref of refs) {
      const draft = this.drafts.get(ref);
      if (!draft) continue;
      draft.eye = eye;
      part(draft.row, ".eyes").classList.remove("open");
      for (const button of draft.row.querySelectorAll<HTMLElement>("[data-eye]")) button.ariaPressed = String(button.dataset["eye"] === eye);
    }
    this.show();
    this.changed();
  }

  private giveKind(kind: string): void {
    remember(kind);
    for (const ref of this.selection.chosen) this.setKind(ref, kind);
  }

  private pickKind({ target }: Event): void {
    if (!(target instanceof HTMLSelectElement)) return;
    remember(target.value);
    this.setKind(target.closest<HTMLElement>(".file")?.dataset["ref"] ?? "", target.value);
  }

  private setKind(ref: string, kind: string): void {
    const draft = this.drafts.get(ref);
    if (!draft) return;
    draft.kind = kind;
    part<HTMLSelectElement>(draft.row, "select").value = kind;
  }

  private remove(refs: readonly string[]): void {
    const before = this.keys();
    const at = Math.min(...refs.map((ref) => before.indexOf(ref)));
    for (const ref of refs) {
      this.drafts.get(ref)?.row.remove();
      this.drafts.delete(ref);
    }
    const rest = this.keys();
    const next = rest[Math.min(at, rest.length - 1)];
    this.select(next ? only(next) : NONE, true);
    this.changed();
  }

  private select(selection: Selection, focus: boolean): void {
    this.selection = selection;
    this.show();
    if (focus && selection.active) part(this.drafts.get(selection.active)!.row, ".tick").focus();
  }

  /** Puts selection and counts on the screen. One row is in the tab order, the others are reached by arrows. */
  private show(): void {
    const { chosen, active } = this.selection;
    for (const [ref, { row }] of this.drafts) {
      const tick = part<HTMLInputElement>(row, ".tick");
      row.classList.toggle("on", chosen.has(ref));
      tick.checked = chosen.has(ref);
      tick.tabIndex = ref === active ? 0 : -1;
    }
    const some = [...chosen].flatMap((ref) => this.drafts.get(ref) ?? []);
    for (const button of this.root.querySelectorAll<HTMLElement>(".bar [data-eye]")) {
      button.ariaPressed = String(some.length > 0 && some.every(({ eye }) => eye === button.dataset["eye"]));
    }
    setText(this.root, "[data-count]", `${chosen.size} of ${files(this.drafts.size)} selected`);
  }

  private kinds(): HTMLSelectElement {
    return part(this.root, "[data-kind]");
  }
}

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
