/** `<oct-stack>`: slices of a volume or pages of a document, in a `<scan-view>`, beside the picture that shows where they lie. */
import { Api } from "../lib/api.ts";
import { Stack } from "../lib/stack.ts";
import { type Line, distance } from "../lib/zip.ts";
import { type ScanView, bound } from "./scan-view.ts";

const SVG = "http://www.w3.org/2000/svg";
const PER_SECOND = 8;

export class OctStack extends HTMLElement {
  // Stacks that are on a page together share the memory.
  private readonly stack = new Stack((blob) => createImageBitmap(blob), (slice) => this.arrived(slice), document.querySelectorAll("oct-stack").length);
  private readonly ending = new AbortController();
  private view!: ScanView;
  private at = -1;
  private timer: ReturnType<typeof setInterval> | undefined;

  connectedCallback(): void {
    this.view = this.querySelector("scan-view")!;
    const signal = this.ending.signal;
    this.addEventListener("step", (event) => this.step((event as CustomEvent<number>).detail), { signal });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value) - 1), { signal });
    for (const button of this.querySelectorAll<HTMLButtonElement>("[data-step]")) {
      button.addEventListener("click", () => this.step(Number(button.dataset["step"])), { signal });
    }
    this.querySelector("[data-play]")?.addEventListener("click", () => this.play(), { signal });
    this.querySelector("[data-where]")?.addEventListener("click", (event) => this.jump(event as MouseEvent), { signal });
    void this.load();
  }

  disconnectedCallback(): void {
    this.ending.abort();
    clearInterval(this.timer);
    this.stack.close();
  }

  /** The slice that is shown, from 0; below that there is none yet. */
  get slice(): number {
    return this.at;
  }

  /** Slices of the whole stack; 0 until its index has come. */
  get count(): number {
    return this.stack.count;
  }

  step(by: number): void {
    this.go(this.at + by);
  }

  first(): void {
    this.go(0);
  }

  last(): void {
    this.go(this.stack.count - 1);
  }

  private get slider(): HTMLInputElement {
    return this.querySelector<HTMLInputElement>("input[name=slice]")!;
  }

  /** Show a slice; an event "slice" says so. */
  go(to: number): void {
    if (!this.stack.index) return;
    const slice = bound(to, 0, this.stack.count - 1);
    if (slice === this.at) return;
    this.at = slice;
    const ready = this.stack.ready(slice);
    if (ready) this.view.show(ready, slice);
    else void this.stack.frame(slice).then((bitmap) => bitmap && this.at === slice && this.view.show(bitmap, slice));
    this.tell();
    this.dispatchEvent(new Event("slice"));
    void this.stack.warm(slice, Math.min(12, this.stack.room >> 1));
  }

  private play(): void {
    const button = this.querySelector<HTMLButtonElement>("[data-play]")!;
    const stop = this.timer !== undefined;
    clearInterval(this.timer);
    this.timer = stop ? undefined : setInterval(() => this.go((this.at + 1) % this.stack.count), 1000 / PER_SECOND);
    button.setAttribute("aria-pressed", String(!stop));
  }

  private async load(): Promise<void> {
    const { scan, frames } = this.dataset;
    try {
      let answer = await this.get(frames!);
      if (answer.status === 403) {
        const fresh = (await new Api().links([scan!], "frames")).get(scan!);
        if (fresh) answer = await this.get(fresh);
      }
      if (!answer.ok || !answer.body) throw new Error("no frames");
      await this.stack.read(answer.body);
      this.dataset["loaded"] = "";
    } catch {
      if (!this.ending.signal.aborted) this.note("The slices cannot be fetched just now. Load the page again.");
    }
    this.tell();
  }

  private get(url: string): Promise<Response> {
    return fetch(url, { mode: "cors", credentials: "omit", referrerPolicy: "no-referrer", signal: this.ending.signal });
  }

  private arrived(slice: number | undefined): void {
    const index = this.stack.index!;
    if (slice === undefined) {
      this.slider.max = String(index.count);
      this.slider.disabled = false;
      const lines = index.frames.some((frame) => frame.line);
      if (!lines && this.dataset["document"] === undefined) this.note("The file does not say where its slices lie, so no line is drawn.");
      this.drawLines();
      return;
    }
    if (this.at < 0) this.go(index.middle);
    else if (slice === this.at) void this.stack.frame(slice).then((bitmap) => bitmap && this.at === slice && this.view.show(bitmap, slice));
    else if (Math.abs(slice - this.at) < this.stack.room >> 1) void this.stack.warm(this.at, Math.min(12, this.stack.room >> 1));
    if (this.stack.loaded % 8 === 0) this.tell();
  }

  private note(text: string): void {
    const place = this.querySelector<HTMLElement>("[data-stack-note]");
    if (!place) return;
    place.textContent = text;
    place.hidden = !text;
  }

  /** Position, and how much has arrived. */
  private tell(): void {
    const { count } = this.stack;
    if (this.at < 0) return;
    this.slider.value = String(this.at + 1);
    const position = this.querySelector("[data-position]");
    if (position) position.textContent = `${this.at + 1}/${count}`;
    const loading = this.querySelector<HTMLElement>("[data-loading]");
    if (loading) {
      loading.hidden = this.stack.loaded >= count;
      loading.textContent = `${this.stack.loaded} of ${count} loaded`;
    }
    this.dataset["slice"] = String(this.at);
    this.drawCurrent();
  }

  // --- where the slice lies ---

  private get where(): SVGSVGElement | null {
    return this.querySelector("[data-where] svg");
  }

  private drawLines(): void {
    const [svg, index] = [this.where, this.stack.index];
    if (!svg || !index?.localizer) return;
    svg.setAttribute("viewBox", `0 0 ${index.localizer.width} ${index.localizer.height}`);
    svg.replaceChildren(...index.frames.flatMap(({ line }) => (line ? [drawn(line)] : [])));
  }

  private drawCurrent(): void {
    const line = this.stack.index?.frames.find(({ slice }) => slice === this.at)?.line;
    const svg = this.where;
    svg?.querySelector(".now")?.remove();
    if (!svg || !line) return;
    const now = drawn(line);
    now.classList.add("now");
    svg.append(now);
  }

  /** Go to the slice whose line is nearest to the click. */
  private jump(event: MouseEvent): void {
    const [svg, index] = [this.where, this.stack.index];
    const to = svg?.getScreenCTM()?.inverse();
    if (!index || !to) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(to);
    const lined = index.frames.flatMap(({ slice, line }) => (line ? [{ slice, away: distance([at.x, at.y], line) }] : []));
    const nearest = lined.reduce<(typeof lined)[number] | null>((best, one) => (best && best.away <= one.away ? best : one), null);
    if (nearest) this.go(nearest.slice);
  }
}

function drawn(line: Line): SVGElement {
  const circle = line.length === 3;
  const made = document.createElementNS(SVG, circle ? "circle" : "line");
  const names = circle ? ["cx", "cy", "r"] : ["x1", "y1", "x2", "y2"];
  names.forEach((name, index) => made.setAttribute(name, String(line[index])));
  return made;
}

customElements.define("oct-stack", OctStack);
