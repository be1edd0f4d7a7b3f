/**
 * `<upload-panel>`: patient first, then files with their eyes, then Send. What is sent goes on below, in its own card,
 * while the panel is empty again: the chosen patient is never carried over to the next batch.
 */
import { Api, type Completion, type OrProblem, type Upload } from "../lib/api.ts";
import { Gather } from "../lib/gather.ts";
import { Grants } from "../lib/grants.ts";
import { Hasher } from "../lib/hasher.ts";
import { SINGLE_LIMIT } from "../lib/plan.ts";
import { put } from "../lib/put.ts";
import type { Line } from "../lib/send.ts";
import { Slots } from "../lib/slots.ts";
import { files } from "../lib/text.ts";
import { isSystemFile, refusal } from "../lib/types.ts";
import { BatchCard, type Tools } from "./batch-card.ts";
import { DraftList } from "./draft-list.ts";
import { PatientPicker } from "./patient-picker.ts";
import { type Person, part, setText, showPerson } from "./parts.ts";

/** Requests in flight over all files; two of a browser's six connections stay free for pictures and pages. */
const IN_FLIGHT = 4;
/** Screen readers hear progress at most this often, in milliseconds. */
const ANNOUNCE = 10_000;

class UploadPanel extends HTMLElement {
  private person: Person | null = null;
  private picker!: PatientPicker;
  private drafts!: DraftList;
  private tools!: Tools;
  private readonly batches: BatchCard[] = [];
  private readonly leaving = new AbortController();
  private announced = 0;

  connectedCallback(): void {
    if (!isSecureContext) {
      part(this, "[data-insecure]").hidden = false;
      part(this, "[data-pick]").hidden = true;
      return;
    }
    const hasher = new Hasher(new Worker(this.dataset["worker"]!, { type: "module" }));
    this.tools = this.makeTools(hasher);
    this.picker = new PatientPicker(this, (person) => this.choose(person));
    this.drafts = new DraftList(this, (file) => (file.size <= SINGLE_LIMIT ? hasher.hash(file) : Promise.resolve(null)), () => this.show());
    this.listen();
    this.show();
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    this.leaving.abort();
  }

  private makeTools(hasher: Hasher): Tools {
    const api = new Api();
    const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
    const online = (): Promise<void> =>
      navigator.onLine ? Promise.resolve() : new Promise((resolve) => addEventListener("online", () => resolve(), { once: true }));
    const line: Line = {
      put, online, sleep, hash: (blob) => hasher.hash(blob), random: Math.random,
      grants: new Grants((ids) => api.grants(ids)), slots: new Slots(IN_FLIGHT),
    };
    const complete = new Gather<Completion, OrProblem<Upload>>((items) => inOrder(items, api));
    return { api, line, complete, maySee: true };
  }

  private listen(): void {
    const { signal } = this.leaving;
    const drop = part(this, "[data-drop]");
    const input = part<HTMLInputElement>(this, "[data-input]");
    part(this, "[data-choose]").addEventListener("click", () => input.click());
    part(this, "[data-other]").addEventListener("click", () => this.next());
    part(this, "[data-send]").addEventListener("click", () => this.send());
    input.addEventListener("change", () => {
      this.add([...(input.files ?? [])]);
      input.value = "";
    });
    // A drop anywhere on the page is caught: the browser would open the file instead, and leave the page.
    addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.toggle("over", this.person !== null);
    }, { signal });
    addEventListener("dragleave", (event) => event.relatedTarget === null && drop.classList.remove("over"), { signal });
    addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.add([...(event.dataTransfer?.files ?? [])]);
    }, { signal });
    addEventListener("keydown", (event) => this.key(event), { signal });
    addEventListener("beforeunload", (event) => this.moving() && event.preventDefault(), { signal });
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.send();
    } else if (this.person) this.drafts.press(event);
  }

  private choose(person: Person): void {
    this.person = person;
    this.picker.reset();
    showPerson(part(this, "[data-chosen]"), person);
    this.show();
    part(this, "[data-choose]").focus();
    this.say(`${person.name}, born ${person.born}, record number ${person.mrn}, is chosen.`);
  }

  /** Back to "which patient?", with nothing left of the last one. */
  private next(): void {
    this.person = null;
    this.drafts.clear();
    this.picker.reset();
    this.refuse([]);
    part<HTMLInputElement>(this, "[data-note]").value = "";
    part<HTMLInputElement>(this, "[data-urgent]").checked = false;
    this.show();
    this.picker.focus();
  }

  private add(chosen: readonly File[]): void {
    if (!this.person) {
      if (chosen.length > 0) this.say("Choose a patient first, then add the files.");
      return this.picker.focus();
    }
    const taken = { most: Number(this.dataset["most"]), endings: new Set(this.dataset["endings"]?.split(" ")) };
    const wanted = chosen.filter(({ name }) => !isSystemFile(name));
    const judged = wanted.map((file) => ({ file, why: refusal(file.name, file.size, taken) }));
    this.refuse(judged.flatMap(({ file, why }) => (why ? [`${file.name}: ${why}`] : [])));
    this.drafts.add(judged.flatMap(({ file, why }) => (why ? [] : [file])));
  }

  private refuse(reasons: readonly string[]): void {
    const place = part(this, "[data-refused]");
    place.hidden = reasons.length === 0;
    part(place, "ul").replaceChildren(...reasons.map((reason) => Object.assign(document.createElement("li"), { textContent: reason })));
  }

  private send(): void {
    const drafts = this.drafts.all;
    if (!this.person || drafts.length === 0) return;
    if (this.drafts.needy.length > 0) return this.say("Each file needs its eye first.");
    const note = part<HTMLInputElement>(this, "[data-note]").value.trim();
    const order = { person: this.person, drafts, note, urgent: part<HTMLInputElement>(this, "[data-urgent]").checked };
    const batch = new BatchCard(this, order, this.tools, () => this.announce());
    const sent = part(this, "[data-sent]");
    sent.hidden = false;
    part(sent, "h2").after(batch.element);
    this.batches.push(batch);
    this.next();
    void batch.start();
  }

  private show(): void {
    const count = this.drafts.all.length;
    const needy = this.drafts.needy.length;
    part(this, "[data-pick]").hidden = this.person !== null;
    part(this, "[data-chosen]").hidden = this.person === null;
    part(this, "[data-files]").hidden = this.person === null;
    part(this, "[data-work]").hidden = count === 0;
    part(this, "[data-drop]").classList.toggle("slim", count > 0);
    setText(this, "[data-choose]", count > 0 ? "Add more files" : "Choose files");
    setText(this, "#step-patient", this.batches.length > 0 ? "Next patient" : "Patient");
    setText(this, "[data-send-count]", files(count));
    setText(this, "[data-why]", needy > 0 ? `${files(needy)} still ${needy === 1 ? "needs its" : "need their"} eye` : "");
    // aria-disabled, not disabled: the button stays reachable, and says why when it is pressed.
    part(this, "[data-send]").ariaDisabled = String(needy > 0);
  }

  private moving(): boolean {
    return this.drafts.all.length > 0 || this.batches.some(({ moving }) => moving);
  }

  private announce(): void {
    const moving = this.batches.filter((batch) => batch.moving);
    if (this.announced && performance.now() - this.announced < ANNOUNCE && moving.length > 0) return;
    const totals = this.batches.map(({ progress }) => progress);
    const done = totals.reduce((sum, { done: some }) => sum + some, 0);
    const count = totals.reduce((sum, { count: some }) => sum + some, 0);
    this.announced = performance.now();
    this.say(`${done} of ${files(count)} sent.`);
  }

  private say(text: string): void {
    setText(this, "[data-live]", text);
  }
}

/** Complete answers by id; who asked wants the answer at the place of the question. */
async function inOrder(items: readonly Completion[], api: Api): Promise<OrProblem<Upload>[]> {
  const answers = new Map((await api.complete(items)).map((answer) => [answer.id, answer]));
  return items.map(({ id }) => answers.get(id) ?? { id, problem: { title: "The service did not answer for this file" } });
}

customElements.define("upload-panel", UploadPanel);
