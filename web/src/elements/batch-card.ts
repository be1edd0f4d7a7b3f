/** One batch on its way: sends its files, then follows what becomes of them until each is stored or rejected. */
import { type Api, type Completion, type Declared, type OrProblem, Problem, type State, type Upload } from "../lib/api.ts";
import type { Gather } from "../lib/gather.ts";
import { singleDigest } from "../lib/plan.ts";
import { type Line, Sending } from "../lib/send.ts";
import { bytes, explain, files } from "../lib/text.ts";
import type { Draft } from "./draft-list.ts";
import { type Person, copy, part, setText, showPerson } from "./parts.ts";

export interface Order {
  readonly person: Person;
  readonly note: string;
  readonly urgent: boolean;
  readonly drafts: readonly Draft[];
}

export interface Tools {
  readonly api: Api;
  readonly line: Line;
  readonly complete: Gather<Completion, OrProblem<Upload>>;
  readonly maySee: boolean;
}

/** What the page knows of one file: the server's state, or one of its own before and beside it. */
type Phase = State | "waiting" | "sending" | "asked" | "failed" | "skipped";

interface Entry {
  readonly draft: Draft;
  readonly row: HTMLElement;
  phase: Phase;
  moved: number;
  declared: Declared | null;
  sending: Sending | null;
  scans: readonly string[];
}

/** Milliseconds between two paintings of a batch's sums. */
const REPAINT = 150;
const MOVING: ReadonlySet<Phase> = new Set(["waiting", "sending"]);
const CHECKING: ReadonlySet<Phase> = new Set(["received", "verifying"]);
const BAD: ReadonlySet<Phase> = new Set(["rejected", "missing", "expired", "failed"]);

export class BatchCard {
  readonly element: HTMLElement;
  private readonly id = crypto.randomUUID();
  private readonly entries: Entry[];
  private readonly stop = new AbortController();
  private polls = 0;
  private painting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly order: Order,
    private readonly tools: Tools,
    private readonly changed: () => void,
  ) {
    this.element = copy(root, "template[data-batch]");
    showPerson(this.element, order.person);
    this.entries = order.drafts.map((draft) => this.entry(draft));
    part(this.element, ".sent").append(...this.entries.map(({ row }) => row));
    this.paint();
  }

  get moving(): boolean {
    return this.entries.some(({ phase }) => MOVING.has(phase) || phase === "asked");
  }

  /** Sent so far, in bytes and whole files: for the page's own summary. */
  get progress(): { sent: number; total: number; done: number; count: number } {
    const counted = this.entries.filter(({ phase }) => phase !== "skipped");
    return {
      sent: counted.reduce((sum, { moved }) => sum + moved, 0),
      total: counted.reduce((sum, { draft }) => sum + draft.file.size, 0),
      done: counted.filter(({ phase }) => !MOVING.has(phase) && phase !== "asked" && phase !== "failed").length,
      count: counted.length,
    };
  }

  /** Declares the batch and sends what may be sent. Asking again after a failure is the same act: same id, same body. */
  async start(): Promise<void> {
    for (const entry of this.entries) this.set(entry, "waiting", "Waiting");
    try {
      const declared = await this.tools.api.declare(await this.body());
      const byRef = new Map(declared.map((one) => [one.ref, one]));
      for (const entry of this.entries) this.accept(entry, byRef.get(entry.draft.ref));
    } catch (error) {
      const again = button("Try again", () => void this.start());
      this.entries.forEach((entry, index) => this.set(entry, "failed", explain(error), index === 0 ? [again] : []));
    }
  }

  private async body() {
    const described = this.order.drafts.map(async ({ ref, file, eye, kind, digest }) => {
      const hex = await digest;
      return {
        ref, filename: file.name, size: file.size, eye: eye ?? "unknown",
        ...(file.type ? { media_type: file.type } : {}), ...(kind ? { kind } : {}), ...(hex ? { digest: singleDigest(hex) } : {}),
      };
    });
    const { note, urgent, person } = this.order;
    return { batch: this.id, patient: person.id, ...(note ? { note } : {}), ...(urgent ? { urgent } : {}), files: await Promise.all(described) };
  }

  private entry(draft: Draft): Entry {
    const row = copy(this.root, "template[data-line]");
    part(row, ".thumb").replaceChildren(...part(draft.row, ".thumb").childNodes);
    const kinds = part<HTMLSelectElement>(draft.row, "select");
    const eye = draft.row.querySelector<HTMLElement>(`[data-eye="${draft.eye}"]`)?.title ?? "";
    setText(row, ".name b", draft.file.name);
    setText(row, "[data-what]", [eye, draft.kind ? kinds.selectedOptions[0]?.text : "", bytes(draft.file.size)].filter(Boolean).join(" · "));
    part(row, "progress").setAttribute("aria-label", draft.file.name);
    return { draft, row, phase: "waiting", moved: 0, declared: null, sending: null, scans: [] };
  }

  private accept(entry: Entry, declared: Declared | undefined): void {
    if (!declared) return this.set(entry, "failed", "The service did not answer for this file. Your file is still with you.");
    entry.declared = declared;
    if (declared.state !== "pending") return this.arrived(entry, declared.state, "");
    if (declared.grant) this.tools.line.grants.hold(declared.id, declared.grant);
    if (!declared.duplicate_of && !declared.stored_elsewhere) return void this.send(entry);
    const words = declared.stored_elsewhere
      ? "This very file is already stored for another patient. Is this the right patient?"
      : "This very file is already stored for this patient.";
    this.set(entry, "asked", words, [
      button("Skip", () => void this.skip(entry)),
      button("Send anyway", () => void this.send(entry)),
    ]);
  }

  private async skip(entry: Entry): Promise<void> {
    this.set(entry, "skipped", "Skipped, nothing was sent.");
    if (entry.declared) await this.tools.api.abandon(entry.declared.id).catch(() => undefined);
  }

  private async send(entry: Entry): Promise<void> {
    const id = entry.declared!.id;
    this.set(entry, "waiting", "Waiting");
    try {
      const digest = await entry.draft.digest;
      entry.sending ??= new Sending(this.tools.line, id, entry.draft.file, digest && singleDigest(digest), (moved) => this.moved(entry, moved));
      const answer = await this.sayComplete(entry.sending);
      entry.moved = entry.draft.file.size;
      this.arrived(entry, answer.state, answer.sentence);
    } catch (error) {
      this.set(entry, "failed", explain(error), [button("Try again", () => void this.send(entry))]);
    }
  }

  /** Sends and tells the broker; if it misses blocks after all, those are sent once more. */
  private async sayComplete(sending: Sending): Promise<Upload> {
    for (let again = false; ; again = true) {
      const answer = await this.tools.complete.ask(await sending.run(this.stop.signal));
      if (!("problem" in answer)) return answer;
      const problem = Problem.from(answer.problem);
      const missing = problem.members["missing"];
      if (again || problem.slug !== "blocks-missing" || !Array.isArray(missing)) throw problem;
      sending.forget(missing.filter((index) => typeof index === "number"));
    }
  }

  private moved(entry: Entry, moved: number): void {
    entry.moved = moved;
    const percent = Math.floor((100 * moved) / entry.draft.file.size);
    if (entry.phase !== "waiting" && entry.phase !== "sending") return;
    this.set(entry, "sending", `Sending ${Math.min(percent, 100)} %`);
  }

  private arrived(entry: Entry, state: State, sentence: string): void {
    entry.moved = entry.draft.file.size;
    this.set(entry, state, sentence || "Sent, being checked. Keep your file.");
    if (this.polls === 0) void this.follow();
  }

  /** One question for the whole batch, less often as time goes by, until nothing more can happen. */
  private async follow(): Promise<void> {
    for (this.polls = 1; this.entries.some(({ phase }) => MOVING.has(phase) || CHECKING.has(phase) || phase === "asked"); this.polls++) {
      await this.tools.line.sleep(Math.min(1000 + this.polls * 150, 5000));
      const uploads = await this.tools.api.batch(this.id).catch(() => []);
      const byId = new Map(uploads.map((upload) => [upload.id, upload]));
      for (const entry of this.entries) this.learn(entry, byId.get(entry.declared?.id ?? ""));
    }
    this.polls = 0;
  }

  private learn(entry: Entry, upload: Upload | undefined): void {
    if (!upload || upload.state === "pending" || !CHECKING.has(entry.phase) || upload.state === entry.phase) return;
    entry.scans = upload.scans;
    this.set(entry, upload.state, upload.sentence, this.tools.maySee && upload.scans[0] ? [link("View", `/scans/${upload.scans[0]}`)] : []);
  }

  private set(entry: Entry, phase: Phase, words: string, acts: readonly HTMLElement[] = []): void {
    const same = entry.phase === phase;
    entry.phase = phase;
    entry.row.dataset["state"] = phase;
    setText(entry.row, "[data-words]", words);
    if (!same || acts.length > 0) this.setActs(entry.row, acts);
    const bar = part<HTMLProgressElement>(entry.row, "progress");
    bar.value = entry.draft.file.size ? entry.moved / entry.draft.file.size : 0;
    bar.hidden = phase !== "sending" && phase !== "waiting";
    this.show();
  }

  private setActs(row: HTMLElement, acts: readonly HTMLElement[]): void {
    const place = part(row, ".acts");
    // Who has just pressed a button that goes away stays at this row, not at the top of the page.
    const here = place.contains(document.activeElement);
    place.replaceChildren(...acts);
    if (here) (place.querySelector<HTMLElement>("button, a") ?? row).focus();
  }

  /** Hundreds of files report many times a second; the sums are painted a few times. */
  private show(): void {
    this.painting ??= setTimeout(() => this.paint(), REPAINT);
  }

  private paint(): void {
    this.painting = undefined;
    const { sent, total, done, count } = this.progress;
    part<HTMLProgressElement>(this.element, ".batch-head progress").value = total ? sent / total : 1;
    setText(this.element, "[data-total]", `${done} of ${files(count)} sent · ${bytes(sent)} of ${bytes(total)}`);
    this.showSafe();
    this.changed();
  }

  /** The one question of a technician: may I clear the camera card? */
  private showSafe(): void {
    const place = part(this.element, "[data-safe]");
    const ended = this.entries.every(({ phase }) => phase === "stored" || phase === "skipped" || BAD.has(phase));
    const stored = this.entries.filter(({ phase }) => phase === "stored").length;
    const bad = this.entries.filter(({ phase }) => BAD.has(phase)).length;
    place.hidden = !ended || stored + bad === 0;
    if (place.hidden) return;
    place.classList.toggle("bad", bad > 0);
    part(this.element, ".batch-head progress").hidden = bad === 0;
    const text = bad
      ? `${files(bad)} not stored. Keep ${bad === 1 ? "it" : "them"}: the reason stands below.`
      : `${stored === 1 ? "1 file is" : `All ${stored} files are`} stored and checked. You may clear ${stored === 1 ? "it" : "them"} from the camera.`;
    place.replaceChildren(...(bad ? [] : [copy(this.root, "template[data-safe-icon]")]), text);
  }
}

function button(text: string, act: () => void): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "button small";
  element.textContent = text;
  element.addEventListener("click", act);
  return element;
}

function link(text: string, href: string): HTMLAnchorElement {
  const element = document.createElement("a");
  element.className = "button small";
  element.href = href;
  element.textContent = text;
  return element;
}
