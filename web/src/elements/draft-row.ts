/** One file before it is sent, as a row: its picture, its name, what it says about itself, what a person said. */
import { moment } from "../lib/capture.ts";
import { type Row, counts, fileSays } from "../lib/draft.ts";
import type { Facts } from "../lib/facts.ts";
import { bytes } from "../lib/text.ts";
import { thumbnail } from "../lib/thumbs.ts";
import type { Person } from "./parts.ts";
import { copy, part, setText } from "./parts.ts";

/** One file before it is sent. What it says and what a person said is kept by `Drafts`, under the same `ref`. */
export interface Draft {
  readonly ref: string;
  readonly file: File;
  /** The file's name without what nobody can see. */
  readonly name: string;
  readonly path: string;
  readonly facts: Facts;
  readonly handles: readonly FileSystemHandle[];
  readonly digest: (fresh?: boolean) => Promise<string | null>;
  /** Known patients whom the path names. */
  named: readonly Person[];
  /** Whether it has a row, or gets one in a moment. */
  listed: boolean;
  row: HTMLElement | null;
}

/** How the kinds read, by their codes. */
export type Kinds = ReadonlyMap<string, string>;

export function makeRow(root: HTMLElement, draft: Draft): HTMLElement {
  const row = copy(root, "template[data-row]");
  const { file, name, path } = draft;
  row.dataset["ref"] = draft.ref;
  part(row, ".tick").setAttribute("aria-label", `Select ${name}`);
  part(row, ".eyes").setAttribute("aria-label", `Eye of ${name}`);
  part(row, "select").setAttribute("aria-label", `Kind of ${name}`);
  part(row, "[data-time]").setAttribute("aria-label", `Time of ${name}`);
  setText(row, ".name bdi", name);
  part(row, ".name b").title = path;
  draft.row = row;
  void draw(row, file, name);
  return row;
}

export function paintRow(draft: Draft, model: Row, kinds: Kinds, chosen: boolean, active: boolean): void {
  const { row } = draft;
  if (!row) return;
  const tick = part<HTMLInputElement>(row, ".tick");
  row.classList.toggle("on", chosen);
  tick.checked = chosen;
  tick.tabIndex = active ? 0 : -1;
  part(row, ".eyes").classList.toggle("open", counts(model, "eye") === null);
  for (const one of row.querySelectorAll<HTMLElement>("[data-eye]")) paintEye(one, model.said.eye, fileSays(model, "eye"));
  const select = part<HTMLSelectElement>(row, "select");
  const file = fileSays(model, "kind");
  select.options[0]!.text = file ? `${kinds.get(file) ?? file} (the file)` : "Kind not said";
  select.value = model.said.kind ?? "";
  select.classList.toggle("hinted", file !== null && model.said.kind === null);
  const say = part(row, ".say");
  setText(row, ".say", rowWords(model, kinds, draft.file.size));
  say.classList.toggle("warn-text", model.facts.contradicts && model.said.eye === null);
}

/** Pressed is what a person said; what only the file says looks otherwise, and is not pressed. */
export function paintEye(element: HTMLElement, said: string | null, file: string | null): void {
  const eye = element.dataset["eye"] ?? element.dataset["groupEye"] ?? "";
  const hinted = said === null && file === eye;
  const plain = (element.dataset["plain"] ??= element.title);
  element.ariaPressed = String(said === eye);
  element.classList.toggle("hinted", hinted);
  element.title = hinted ? `${plain}, as the file says` : plain;
}

/** 2.1 MB · taken 12 Mar 2026 10:40, as you said · from the file: OD, OCT, 12 Mar 2026 10:32 */
export function rowWords({ facts, said }: Row, kinds: Kinds, size: number): string {
  const time = facts.capturedAt && `${moment(facts.capturedAt)}${facts.doubtful ? " (doubtful)" : ""}`;
  const says = [facts.contradicts ? null : facts.eye, facts.kind && (kinds.get(facts.kind) ?? facts.kind), time].filter(Boolean);
  return [
    bytes(size),
    facts.contradicts ? "the file names the right and the left eye: say which it is" : "",
    said.capturedAt && `taken ${moment(said.capturedAt)}, as you said`,
    says.length > 0 && `from the file: ${says.join(", ")}`,
    facts.unread && "what the file says is read after sending",
    !facts.unread && !facts.capturedAt && !said.capturedAt && "no time in the file",
  ].filter(Boolean).join(" · ");
}

async function draw(row: HTMLElement, file: File, name: string): Promise<void> {
  const canvas = await thumbnail(file).catch(() => null);
  const ending = /\.(\w{1,5})$/.exec(name)?.[1]?.toUpperCase() ?? "FILE";
  part(row, ".thumb").replaceChildren(canvas ?? ending);
}
