/** What stands in the way of uploads from this computer, and whether files are being checked at all. */
import { type Finding, checkClock, checkStore, stopped } from "../lib/check.ts";
import type { Engine } from "./engine.ts";
import { paragraph } from "./parts.ts";

/** Milliseconds between two looks at the worker's heartbeat while something is being checked. */
const LOOK = 15_000;

export class Notices {
  private readonly shown = new Map<string, HTMLElement>();

  constructor(
    private readonly place: HTMLElement,
    private readonly engine: Engine,
    private readonly probe: string,
  ) {}

  watch(signal: AbortSignal): void {
    void this.check();
    addEventListener("online", () => void this.check(), { signal });
    const timer = setInterval(() => void (this.engine.tools.follow.waiting > 0 && this.heartbeat()), LOOK);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  private async check(): Promise<void> {
    if (navigator.onLine) this.show("store", await checkStore(this.probe, location.origin));
    const { now } = await this.engine.tools.api.heartbeat().catch(() => ({ now: null }));
    this.show("clock", checkClock(now, Date.now()));
  }

  private async heartbeat(): Promise<void> {
    const beat = await this.engine.tools.api.heartbeat().catch(() => ({ worker: null, now: null }));
    const since = stopped(beat);
    const time = since?.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
    this.show("worker", since ? { text: `Checking has stopped since ${time}. Your files are safe.` } : null);
  }

  private show(what: string, finding: Finding | { text: string } | null): void {
    const known = this.shown.get(what);
    if (known?.textContent === finding?.text) return;
    known?.remove();
    this.shown.delete(what);
    if (!finding) return;
    const line = paragraph(finding.text, what === "store" ? "note bad" : "note warn");
    this.shown.set(what, line);
    this.place.append(line);
  }
}
