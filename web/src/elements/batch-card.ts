/** One patient's files on their way, as a person sees them: sums above, what needs a look first, the rest below. */
import { Batch, BAD, CHECKING, type Entry, type Item, MOVING, type Order, SAFE, type Tools } from "../lib/batch.ts";
import type { Begun } from "../lib/api.ts";
import { type Answer, type Sums, mayClear } from "../lib/clear.ts";
import { fileName } from "../lib/outside.ts";
import { bytes, files } from "../lib/text.ts";
import { type Person, button, copy, inSlices, link, part, setText, showPerson } from "./parts.ts";

/** One file with what the page shows of it. */
export interface Sent extends Item {
  readonly what: string;
  readonly thumb: readonly Node[];
}

/** Milliseconds between two paintings. */
const REPAINT = 250;
/** Up to so many files each has its row at once; above, rows are made when somebody asks for them, so many at a time. */
const ROWS = 60;
/** Rows changed by one painting: the page answers keys and clicks in between. */
const AT_ONCE = 30;

export class BatchCard {
  readonly element: HTMLElement;
  readonly batch: Batch;
  private readonly rows = new Map<Entry, HTMLElement>();
  private readonly dirty = new Set<Entry>();
  private shown = 0;
  private painting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly root: HTMLElement,
    person: Person,
    order: Order,
    private readonly sent: readonly Sent[],
    tools: Tools,
    private readonly maySee: boolean,
    private readonly repainted: () => void,
    begun?: ReadonlyMap<string, Begun>,
  ) {
    this.element = copy(root, "template[data-batch]");
    showPerson(this.element, person);
    this.batch = new Batch(order, sent, tools, (entry) => this.changed(entry), begun);
    part(this.element, "[data-unfold] button").addEventListener("click", () => this.unfold(ROWS));
    if (sent.length <= ROWS) this.unfold(ROWS);
    else part(this.element, "[data-unfold]").hidden = false;
    this.paint();
  }

  /** Sent so far, in bytes and whole files: for the page's own summary. */
  get progress(): { sent: number; total: number; done: number; count: number; failed: number } {
    let [sent, total, done, count, failed] = [0, 0, 0, 0, 0];
    for (const { phase, moved, item } of this.batch.entries) {
      if (phase === "skipped") continue;
      count++;
      sent += moved;
      total += item.file.size;
      if (phase === "failed") failed++;
      else if (!MOVING.has(phase) && phase !== "asked") done++;
    }
    return { sent, total, done, count, failed };
  }

  /** Where its files stand: for the answer whether the card may be cleared. */
  get sums(): Sums {
    const count = (is: (phase: Entry["phase"]) => boolean): number => this.batch.entries.filter(({ phase }) => is(phase)).length;
    return {
      safe: count((phase) => SAFE.has(phase)), sending: count((phase) => MOVING.has(phase)), checking: count((phase) => CHECKING.has(phase)),
      answers: count((phase) => phase === "asked"), lost: count((phase) => BAD.has(phase)), unseen: 0, given_up: 0,
    };
  }

  private changed(entry: Entry): void {
    this.dirty.add(entry);
    this.painting ??= setTimeout(() => this.paint(), REPAINT);
  }

  private unfold(more: number): void {
    const { entries } = this.batch;
    const rest = part(this.element, "[data-rest]");
    inSlices(entries.slice(this.shown, this.shown + more), (entry) => {
      if (!this.rows.has(entry)) rest.append(this.row(entry));
      // It may have failed before it had a row.
      this.place(entry);
    });
    this.shown = Math.min(entries.length, this.shown + more);
    part(this.element, "[data-unfold]").hidden = this.shown >= entries.length;
    setText(this.element, "[data-unfold] button", this.shown ? `Show more of ${files(entries.length)}` : "Show the files");
  }

  private row(entry: Entry): HTMLElement {
    const row = copy(this.root, "template[data-line]");
    const { what, thumb } = this.sent[this.batch.entries.indexOf(entry)]!;
    part(row, ".thumb").replaceChildren(...thumb);
    const name = fileName(entry.item.file.name);
    setText(row, ".name bdi", name);
    setText(row, "[data-what]", [what, bytes(entry.item.file.size)].filter(Boolean).join(" · "));
    part(row, "progress").setAttribute("aria-label", name);
    this.rows.set(entry, row);
    this.fill(entry, row);
    return row;
  }

  private paint(): void {
    this.painting = undefined;
    let painted = 0;
    for (const entry of this.dirty) {
      if (painted >= AT_ONCE) break;
      this.dirty.delete(entry);
      painted += Number(this.place(entry));
    }
    if (this.dirty.size > 0) this.painting = setTimeout(() => this.paint(), REPAINT / 4);
    const { sent, total, done, count } = this.progress;
    part<HTMLProgressElement>(this.element, ".batch-head progress").value = total ? sent / total : 1;
    setText(this.element, "[data-total]", `${done} of ${files(count)} sent · ${bytes(sent)} of ${bytes(total)}`);
    this.showSafe();
    this.repainted();
  }

  /** Puts an entry on the screen, errors and questions on top; says whether there was anything to do. */
  private place(entry: Entry): boolean {
    const wrong = BAD.has(entry.phase) || entry.phase === "asked";
    const place = part(this.element, "[data-wrong]");
    const known = this.rows.get(entry);
    if (!known && !(wrong && place.childElementCount < 2 * ROWS)) return false;
    const row = known ?? this.row(entry);
    this.fill(entry, row);
    const here = row.parentElement === place;
    if (wrong !== here) {
      const focused = row.contains(document.activeElement);
      (wrong ? place : part(this.element, "[data-rest]")).append(row);
      if (focused) row.focus();
      place.hidden = place.childElementCount === 0;
    }
    return true;
  }

  private fill(entry: Entry, row: HTMLElement): void {
    const { phase, words } = entry;
    const key = `${phase}/${entry.again ? "again" : ""}`;
    if (row.dataset["acts"] !== key) this.setActs(row, this.acts(entry), key);
    row.dataset["state"] = phase;
    setText(row, "[data-words]", words);
    const bar = part<HTMLProgressElement>(row, "progress");
    bar.value = entry.percent / 100;
    bar.hidden = !MOVING.has(phase);
  }

  private acts(entry: Entry): HTMLElement[] {
    const { phase, again, scans } = entry;
    if (phase === "asked") return [button("Skip", () => void this.batch.skip(entry)), button("Send anyway", () => this.batch.send(entry))];
    if (phase === "failed" && again) return [button("Try again", () => entry.again?.())];
    if (phase === "duplicate") return [quiet(button("Send anyway", () => this.batch.insist(entry)))];
    return phase === "stored" && this.maySee && scans[0] ? [link("View", `/scans/${scans[0]}`)] : [];
  }

  private setActs(row: HTMLElement, acts: readonly HTMLElement[], key: string): void {
    row.dataset["acts"] = key;
    const place = part(row, ".acts");
    // Who has just pressed a button that goes away stays at this row, not at the top of the page.
    const here = place.contains(document.activeElement);
    place.replaceChildren(...acts);
    if (here) (place.querySelector<HTMLElement>("button, a") ?? row).focus();
  }

  /** The one question of a technician: may I clear the camera card? */
  private showSafe(): void {
    const { sums } = this;
    const answer = mayClear(sums);
    showAnswer(this.root, part(this.element, "[data-safe]"), answer);
    part(this.element, ".batch-head progress").hidden = answer?.kind === "yes";
    this.showReceipt(sums.safe > 0 && sums.sending + sums.checking + sums.answers === 0);
  }

  private showReceipt(there: boolean): void {
    const place = part(this.element, "[data-receipt]");
    place.hidden = !there;
    const query = this.batch.batches.map((batch) => `batch=${batch}`).join("&");
    if (there) part<HTMLAnchorElement>(place, "a").href = `/upload/receipt?${query}`;
  }
}

/** Puts the answer into its line. Screen readers hear it when it stands, not each time that it changes on the way. */
export function showAnswer(root: ParentNode, place: HTMLElement, answer: Answer | null): void {
  place.hidden = answer === null;
  if (!answer || place.textContent === answer.text) return;
  place.ariaBusy = String(answer.kind === "wait");
  place.className = `answer ${answer.kind}`;
  place.replaceChildren(copy(root, `template[data-icon="${answer.kind}"]`), answer.text);
}

function quiet(element: HTMLElement): HTMLElement {
  element.classList.add("quiet");
  return element;
}
