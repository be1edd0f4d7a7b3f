/** Uploads of this account that were begun and have not arrived: gone on with from the same files, wherever they were begun. */
import type { Begun } from "../lib/api.ts";
import { type Chosen, type Gathered, fromHandles, fromInput } from "../lib/folder.ts";
import { day } from "../lib/capture.ts";
import { fileName } from "../lib/outside.ts";
import { UNREAD, reader } from "../lib/reader.ts";
import { bytes, files } from "../lib/text.ts";
import { against } from "../lib/who.ts";
import type { Sent } from "./batch-card.ts";
import { digester } from "./draft-group.ts";
import { type Engine, lockName } from "./engine.ts";
import { type Person, copy, part, setText, showPerson } from "./parts.ts";

type Resume = (person: Person, begun: readonly Begun[], sent: readonly Sent[]) => void;

export class OpenList {
  constructor(
    private readonly root: HTMLElement,
    private readonly engine: Engine,
    private readonly resume: Resume,
  ) {}

  /** Asks what is open, and lists it, a patient a line. */
  async look(): Promise<void> {
    const { api } = this.engine.tools;
    const [open, kept, locks] = await Promise.all([api.open().catch(() => []), this.engine.keep.all(), navigator.locks.query()]);
    const held = new Set((locks.held ?? []).map(({ name }) => name));
    const free = open.filter(({ batch }) => !held.has(lockName(batch)));
    const handles = new Map(kept.map((one) => [one.batch, one.handles]));
    for (const { batch } of kept) if (!open.some((one) => one.batch === batch)) void this.engine.keep.drop(batch);
    for (const [patient, some] of byPatient(free)) {
      const known = await api.patient(patient).catch(() => null);
      if (!known) continue;
      const person = { id: known.id, name: known.name, born: day(known.birth_date), mrn: known.mrn, birthDate: known.birth_date, issuer: known.issuer, alike: "" };
      this.list(person, some, [...new Set(some.flatMap(({ batch }) => handles.get(batch) ?? []))]);
    }
    part(this.root, "[data-open]").hidden = part(this.root, "[data-open-list]").childElementCount === 0;
  }

  private list(person: Person, begun: Begun[], handles: readonly FileSystemHandle[]): void {
    const item = copy(this.root, "template[data-open-item]");
    showPerson(item, person);
    this.sum(item, begun);
    const offer = (gathered: Gathered): void => void this.offer(item, person, begun, gathered);
    const go = part(item, "[data-go-on]");
    go.hidden = handles.length === 0;
    go.addEventListener("click", () => void allowed(handles).then((may) => (may ? fromHandles(handles).then(offer) : this.say(item, "The browser may not open the files again. Choose them below."))));
    part(item, "[data-again-folder]").addEventListener("click", () => pick(true, offer));
    part(item, "[data-again-files]").addEventListener("click", () => pick(false, offer));
    part(item, "[data-give-up]").addEventListener("click", () => void this.giveUp(item, begun));
    part(this.root, "[data-open-list]").append(item);
  }

  /** Name and size only propose a file. Whether it is the one is proved by its hashes, before a byte is sent. */
  private async offer(item: HTMLElement, person: Person, begun: Begun[], { chosen, handles }: Gathered): Promise<void> {
    const read = await reader().catch(() => null);
    if (!read) return this.say(item, UNREAD);
    const { HEAD, readFacts } = read;
    const rest = [...chosen];
    const pairs: { one: Begun; found: Chosen }[] = [];
    const foreign: string[] = [];
    for (const one of begun) {
      const at = rest.findIndex(({ file }) => fileName(file.name) === one.filename && file.size === one.size);
      if (at < 0) continue;
      const [found] = rest.splice(at, 1);
      const facts = readFacts(new Uint8Array(await found!.file.slice(0, HEAD).arrayBuffer().catch(() => new ArrayBuffer(0))), new Date());
      if (against(facts, person).length > 0) foreign.push(one.filename);
      else pairs.push({ one, found: found! });
    }
    if (foreign.length > 0) return this.say(item, `${foreign[0]} names another patient. Nothing was sent. Choose the files that were begun (E-OTHER).`);
    if (pairs.length === 0) return this.say(item, "None of the files that are missing is there. Choose the folder that was being sent.");
    if (!(await this.sure(person, pairs.map(({ one }) => one)))) return;
    const left = begun.filter((one) => !pairs.some((pair) => pair.one === one));
    begun.splice(0, begun.length, ...left);
    this.resume(person, pairs.map(({ one }) => one), pairs.map(({ one, found }) => this.sent(one, found, handles)));
    if (left.length > 0) {
      this.sum(item, begun);
      this.say(item, `${files(left.length)} of these ${left.length === 1 ? "was" : "were"} not there: ${left[0]!.filename}${left.length > 1 ? " …" : ""}`);
    } else item.remove();
    part(this.root, "[data-open]").hidden = part(this.root, "[data-open-list]").childElementCount === 0;
  }

  /** Files of which nothing has arrived, and no digest is known, cannot be compared: then a person says so. */
  private async sure(person: Person, begun: readonly Begun[]): Promise<boolean> {
    const asked = await Promise.all(begun.map((one) => (one.digest ? one : this.engine.tools.api.begun(one.id).catch(() => one))));
    const unproved = asked.filter(({ digest, blocks }) => !digest && !blocks?.length).length;
    const whose = `${person.name}, born ${person.born}, MRN ${person.mrn}`;
    return unproved === 0 || confirm(`Nothing of ${files(unproved)} has arrived yet, so ${unproved === 1 ? "it" : "they"} cannot be compared. Are these really the files of ${whose}?`);
  }

  private sent({ ref, eye, kind, captured_at }: Begun, { file }: Chosen, handles: readonly FileSystemHandle[]): Sent {
    const digest = digester(file, (blob, idle) => this.engine.hash(blob, idle));
    return { ref, file, eye, kind, capturedAt: captured_at, digest, handles, what: "", thumb: [] };
  }

  private async giveUp(item: HTMLElement, begun: readonly Begun[]): Promise<void> {
    if (!confirm(`Give up ${files(begun.length)}? What has arrived of them is deleted. The files on your computer stay.`)) return;
    for (const { id } of begun) await this.engine.tools.api.abandon(id).catch(() => undefined);
    item.remove();
    part(this.root, "[data-open]").hidden = part(this.root, "[data-open-list]").childElementCount === 0;
  }

  private sum(item: HTMLElement, begun: readonly Begun[]): void {
    const names = begun.slice(0, 3).map(({ filename }) => filename).join(", ");
    const size = begun.reduce((sum, one) => sum + one.size, 0);
    setText(item, "[data-what]", `${files(begun.length)} · ${bytes(size)} · ${names}${begun.length > 3 ? " …" : ""}`);
  }

  private say(item: HTMLElement, text: string): void {
    const place = part(item, "[data-say]");
    place.hidden = false;
    place.textContent = text;
  }
}

function byPatient(begun: readonly Begun[]): Map<string, Begun[]> {
  const found = new Map<string, Begun[]>();
  for (const one of begun) found.set(one.patient, [...(found.get(one.patient) ?? []), one]);
  return found;
}

async function allowed(handles: readonly FileSystemHandle[]): Promise<boolean> {
  for (const handle of handles) {
    const now = await handle.queryPermission({ mode: "read" });
    if (now !== "granted" && (await handle.requestPermission({ mode: "read" })) !== "granted") return false;
  }
  return true;
}

function pick(folder: boolean, chosen: (gathered: Gathered) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.webkitdirectory = folder;
  input.addEventListener("change", () => chosen(fromInput([...(input.files ?? [])])));
  input.click();
}
