/** The form that signs a visit: it says what was not opened while pictures are opened, and is sent when that is kept. */
import type { Opened, Seen } from "./opened.ts";

/** Milliseconds that signing waits for what was opened to be kept: no answer at all must not hold a review back. */
export const PATIENCE = 3_000;

export interface Item {
  readonly kind: string;
  readonly slices: number;
  readonly frames: number;
  /** How much of it was opened, in words. */
  readonly opened: string;
}

/** What of these was not seen, "" if all was: by the words of `broker/pages/signing.py`, which says it first. */
export function unseen(items: readonly Item[]): string {
  const closed = items.filter(({ slices }) => slices === 0).length;
  const partly = items.filter(({ slices, frames }) => slices > 0 && slices < frames);
  const said = closed ? [`${closed} of ${items.length} not opened`] : [];
  if (partly.length === 1) said.push(`${partly[0]!.kind}: ${partly[0]!.opened}`);
  else if (partly.length) said.push(`${partly.length} not seen whole`);
  return said.join("; ");
}

export class Signing {
  private kept = false;

  constructor(
    private readonly form: HTMLFormElement,
    private readonly opened: () => Opened | undefined,
  ) {
    form.addEventListener("change", () => this.show());
    form.addEventListener("submit", (event) => void this.send(event));
  }

  /** This is kept as opened now. */
  learn(seen: readonly Seen[]): void {
    for (const { id, slices } of seen) {
      const input = this.form.querySelector<HTMLInputElement>(`[data-of="${id}"]`);
      if (!input || slices <= Number(input.dataset["slices"])) continue;
      input.dataset["slices"] = String(slices);
      const line = this.form.querySelector<HTMLElement>(`[data-covered="${id}"]`);
      line?.classList.add("done");
      const words = line?.querySelector("[data-opened]");
      if (words) words.textContent = told(input);
    }
    this.show();
  }

  private show(): void {
    const alone = new FormData(this.form).get("scope") === "scan";
    const which = alone ? `[data-of="${this.form.dataset["signing"]}"]` : "[data-of]";
    const inputs = [...this.form.querySelectorAll<HTMLInputElement>(which)];
    const words = unseen(
      inputs.map((input) => ({ kind: input.dataset["kind"]!, slices: Number(input.dataset["slices"]), frames: Number(input.dataset["frames"]), opened: told(input) })),
    );
    const place = this.form.querySelector("[data-unseen]");
    if (place) place.textContent = words && ` (${words})`;
  }

  /** What is before somebody's eyes is kept first: they must not be asked about it. */
  private async send(event: SubmitEvent): Promise<void> {
    const opened = this.opened();
    if (this.kept || !opened) return;
    event.preventDefault();
    // While a form is just being sent, it cannot be sent again: that takes a task of its own.
    await Promise.all([atMost(opened.flush(), PATIENCE), new Promise((done) => setTimeout(done))]);
    this.kept = true;
    this.form.requestSubmit(event.submitter);
    this.kept = false;
  }
}

/** Waits for something, but no longer than this many milliseconds. */
export function atMost(what: Promise<unknown>, patience: number): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise((done) => (timer = setTimeout(done, patience)));
  return Promise.race([what, enough]).finally(() => clearTimeout(timer));
}

function told({ dataset }: HTMLElement): string {
  const [slices, frames] = [Number(dataset["slices"]), Number(dataset["frames"])];
  if (!slices) return "not opened";
  const thing = ["Document", "Visual field"].includes(dataset["kind"]!) ? "pages" : "slices";
  return frames > 1 ? `${Math.min(slices, frames)} of ${frames} ${thing}` : "opened";
}
