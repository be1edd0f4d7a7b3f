/** `<scan-view>`: one pane with one picture. What it shows and how comes from a `Desk`, which several panes may share. */
import { type Adjust, AS_IS, table } from "../lib/adjust.ts";
import { Api } from "../lib/api.ts";
import { PREVIEW } from "../lib/opened.ts";
import { FIT, type Matrix, type Point, type Size, type View, apply, fitScale, invert, matrix, millimetres, pan, then, zoomAt } from "../lib/view.ts";

export type Tool = "move" | "measure" | "point" | "zoom";
const SVG = "http://www.w3.org/2000/svg";
const api = new Api();

/** One view state and one set of adjustments; panes listen to it. */
export class Desk extends EventTarget {
  view: View = FIT;
  adjust: Adjust = AS_IS;
  tool: Tool = "move";

  set(changes: Partial<Pick<Desk, "view" | "adjust" | "tool">>): void {
    Object.assign(this, changes);
    this.dispatchEvent(new Event("change"));
  }
}

export class ScanView extends HTMLElement {
  desk = new Desk();
  /** From pixels of this picture to those of the one it is laid over. */
  over: { readonly matrix: Matrix; readonly size: Size } | null = null;
  /** Pixels of the original. */
  size: Size = [1, 1];
  private spacing: Point | null = null;
  private source: CanvasImageSource | null = null;
  private slice = 0;
  private painted: number | null = null;
  private full: ImageBitmap | null = null;
  private fullAsked: Promise<void> | null = null;
  private canvas = document.createElement("canvas");
  private marks = document.createElementNS(SVG, "svg");
  private pane: Size = [1, 1];
  private frame = 0;
  private readonly pointers = new Map<number, Point>();
  private measure: [Point, Point] | null = null;
  private readonly points: Point[] = [];
  private readonly ending = new AbortController();
  private readonly resized = new ResizeObserver(() => this.fit());

  connectedCallback(): void {
    const facts = this.dataset;
    this.size = [Number(facts["width"]) || 1, Number(facts["height"]) || 1];
    const spacing = (facts["spacing"] ?? "").split(",").map(Number);
    this.spacing = spacing.length === 2 && spacing.every((one) => one > 0) ? [spacing[0]!, spacing[1]!] : null;
    this.canvas.setAttribute("aria-hidden", "true");
    this.marks.setAttribute("aria-hidden", "true");
    this.marks.classList.add("marks");
    this.append(this.canvas, this.marks);
    const image = this.querySelector<HTMLImageElement>("img[data-scan]");
    if (image) {
      const use = (): void => this.show(image, this.dataset["frames"] === undefined ? 0 : PREVIEW);
      if (image.complete && image.naturalWidth) use();
      image.addEventListener("load", use, { signal: this.ending.signal });
    }
    this.resized.observe(this);
    this.listen();
    this.desk.addEventListener("change", this.changed, { signal: this.ending.signal });
    this.fit();
  }

  disconnectedCallback(): void {
    this.ending.abort();
    this.resized.disconnect();
    this.full?.close();
  }

  /** Let another desk decide. */
  join(desk: Desk): void {
    this.desk.removeEventListener("change", this.changed);
    this.desk = desk;
    this.desk.addEventListener("change", this.changed, { signal: this.ending.signal });
    this.changed();
  }

  get hasSpacing(): boolean {
    return this.spacing !== null;
  }

  /** Draw this from now on; its own pixels may be fewer than the original's. `slice`: which of a stack it is. */
  show(source: CanvasImageSource, slice = 0): void {
    [this.source, this.slice] = [source, slice];
    this.dataset["ready"] = "";
    this.draw();
  }

  /** The slice that can be seen now: painted, and neither hidden nor scrolled away; null if there is none. */
  get onView(): number | null {
    const { top, bottom } = this.getBoundingClientRect();
    const within = Math.min(bottom, innerHeight) - Math.max(top, 0);
    return within > (bottom - top) / 4 && this.canvas.checkVisibility({ visibilityProperty: true }) ? this.painted : null;
  }

  /** Fetch the picture in full, once. */
  loadFull(): Promise<void> {
    this.fullAsked ??= this.fetchFull().catch((error: unknown) => {
      this.fullAsked = null;
      throw error;
    });
    return this.fullAsked;
  }

  get isFull(): boolean {
    return this.full !== null || this.dataset["reduced"] === undefined;
  }

  get scale(): number {
    const [a, b] = this.matrix();
    return Math.hypot(a, b);
  }

  zoom(factor: number, at: Point = [this.pane[0] / 2, this.pane[1] / 2]): void {
    this.desk.set({ view: zoomAt(this.desk.view, this.shape(), this.pane, at, factor) });
  }

  move(by: Point): void {
    this.desk.set({ view: pan(this.desk.view, this.shape(), this.pane, by) });
  }

  oneToOne(): void {
    const zoom = 1 / devicePixelRatio / fitScale(this.shape(), this.pane, this.desk.view.turn);
    this.desk.set({ view: { ...this.desk.view, zoom } });
  }

  /** Points that somebody has set with the tool "point", in pixels of this picture. */
  get marked(): readonly Point[] {
    return this.points;
  }

  clear(): void {
    this.points.length = 0;
    this.measure = null;
    this.draw();
  }

  /** From pixels of this picture to CSS pixels of the pane. */
  matrix(): Matrix {
    if (this.over) return then(this.over.matrix, matrix(this.desk.view, this.over.size, this.pane));
    const [, aspect] = this.stretch();
    const [a, b, c, d, e, f] = matrix(this.desk.view, this.shape(), this.pane);
    return [a, b, c * aspect, d * aspect, e, f];
  }

  private stretch(): readonly [number, number] {
    return [1, this.desk.view.microns && this.spacing ? this.spacing[0] / this.spacing[1] : 1];
  }

  /** The picture's size as it lies in the view. */
  private shape(): Size {
    return this.over ? this.over.size : [this.size[0], this.size[1] * this.stretch()[1]];
  }

  private readonly changed = (): void => this.draw();

  private draw(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  private fit(): void {
    const { clientWidth, clientHeight } = this;
    if (!clientWidth || !clientHeight) return;
    this.pane = [clientWidth, clientHeight];
    this.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.marks.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
    this.paint();
  }

  private paint(): void {
    const context = this.canvas.getContext("2d", { alpha: false });
    if (!context || !this.source) return;
    const filtered = this.desk.adjust !== AS_IS && !same(this.desk.adjust, AS_IS);
    if (filtered) describe(this.desk.adjust);
    const wanted = filtered ? "url(#adjusted)" : "";
    if (this.canvas.style.filter !== wanted) this.canvas.style.filter = wanted;
    const [a, b, c, d, e, f] = this.matrix();
    const density = this.canvas.width / this.pane[0];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(a * density, b * density, c * density, d * density, e * density, f * density);
    // Above four screen pixels for one of the picture, its pixels are shown as they are.
    context.imageSmoothingEnabled = Math.hypot(a, b) * density < 4;
    context.drawImage(this.best(Math.hypot(a, b) * density), 0, 0, this.size[0], this.size[1]);
    if (this.painted !== this.slice) {
      this.painted = this.slice;
      this.dispatchEvent(new Event("painted", { bubbles: true }));
    }
    this.mark();
  }

  /** The full picture only where the other one has too few pixels: it costs more to draw. */
  private best(scale: number): CanvasImageSource {
    const shown = this.source!;
    const width = shown instanceof HTMLImageElement ? shown.naturalWidth : (shown as ImageBitmap).width;
    return this.full && scale * this.size[0] > width ? this.full : shown;
  }

  private async fetchFull(): Promise<void> {
    const { scan, full, reduced } = this.dataset;
    if (!scan || reduced === undefined) return;
    const url = full || (await api.original(scan));
    let answer = await fetch(url, { mode: "cors", credentials: "omit", referrerPolicy: "no-referrer" });
    if (answer.status === 403 && full) {
      const fresh = (await api.links([scan], "full")).get(scan);
      if (fresh) answer = await fetch(fresh, { mode: "cors", credentials: "omit", referrerPolicy: "no-referrer" });
    }
    if (!answer.ok) throw new Error("The picture in full cannot be fetched just now.");
    this.full = await createImageBitmap(new Blob([await answer.arrayBuffer()], { type: full ? "image/png" : this.dataset["media"] ?? "" }));
    this.draw();
  }

  // --- drawing on top ---

  private mark(): void {
    const to = this.matrix();
    const parts: SVGElement[] = [];
    for (const [index, point] of this.points.entries()) {
      const [x, y] = apply(to, point);
      parts.push(shape("circle", { cx: x, cy: y, r: 7 }), label(x + 11, y + 5, String(index + 1)));
    }
    if (this.measure) {
      const [from, till] = this.measure.map((point) => apply(to, point)) as [Point, Point];
      parts.push(shape("line", { x1: from[0], y1: from[1], x2: till[0], y2: till[1] }));
      for (const [x, y] of [from, till]) parts.push(shape("circle", { cx: x, cy: y, r: 4 }));
      parts.push(label((from[0] + till[0]) / 2 + 10, (from[1] + till[1]) / 2 - 8, this.distance()));
    }
    this.marks.replaceChildren(...parts);
  }

  /** What was measured, in words; "" if nothing was. */
  distance(): string {
    if (!this.measure) return "";
    const [from, till] = this.measure;
    const pixels = Math.hypot(till[0] - from[0], till[1] - from[1]);
    if (!this.spacing) return `${Math.round(pixels)} pixels (the file gives no spacing)`;
    const length = millimetres(from, till, this.spacing);
    return `≈ ${length < 1 ? `${Math.round(length * 1000)} µm` : `${length.toFixed(2)} mm`} (approximately)`;
  }

  // --- hands ---

  private listen(): void {
    const signal = this.ending.signal;
    this.addEventListener("wheel", (event) => this.wheel(event), { passive: false, signal });
    this.addEventListener("pointerdown", (event) => this.down(event), { signal });
    this.addEventListener("pointermove", (event) => this.moved(event), { signal });
    for (const end of ["pointerup", "pointercancel"] as const) {
      this.addEventListener(end, (event) => this.pointers.delete(event.pointerId), { signal });
    }
    this.addEventListener("dblclick", () => this.desk.tool === "move" && (this.desk.view.zoom === 1 ? this.oneToOne() : this.desk.set({ view: { ...this.desk.view, zoom: 1, u: 0.5, v: 0.5 } })), { signal });
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    // A stack takes the wheel for its slices, unless Ctrl says zoom; a pinch on a touchpad comes as Ctrl too.
    if (!event.ctrlKey && this.dataset["frames"] !== undefined) {
      this.dispatchEvent(new CustomEvent("step", { detail: Math.sign(event.deltaY), bubbles: true }));
      return;
    }
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), this.at(event));
  }

  private down(event: PointerEvent): void {
    if ((event.target as Element).closest("a, button, input")) return;
    this.setPointerCapture(event.pointerId);
    const at = this.at(event);
    this.pointers.set(event.pointerId, at);
    const pixel = apply(invert(this.matrix()), at);
    if (event.button === 1) event.preventDefault();
    if (event.button === 0 && this.desk.tool === "measure") this.measure = [pixel, pixel];
    if (event.button === 0 && this.desk.tool === "point") {
      this.points.push(pixel);
      this.dispatchEvent(new CustomEvent("pointed", { bubbles: true }));
    }
    this.draw();
  }

  private moved(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const at = this.at(event);
    const by: Point = [at[0] - before[0], at[1] - before[1]];
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, at);
    if (other) {
      const spread = Math.hypot(at[0] - other[0], at[1] - other[1]) / Math.max(Math.hypot(before[0] - other[0], before[1] - other[1]), 1);
      this.move([by[0] / 2, by[1] / 2]);
      this.zoom(spread, [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
    } else if (event.buttons & 4) {
      // The middle button: brighter upwards, more contrast to the right.
      const { brightness, contrast } = this.desk.adjust;
      this.desk.set({ adjust: { ...this.desk.adjust, brightness: bound(brightness - by[1] / 400, -1, 1), contrast: bound(contrast * Math.exp(by[0] / 300), 0.2, 5) } });
    } else if (this.desk.tool === "measure" && this.measure) {
      this.measure = [this.measure[0], apply(invert(this.matrix()), at)];
      this.dispatchEvent(new CustomEvent("measured", { bubbles: true }));
      this.draw();
    } else if (this.desk.tool === "zoom") this.zoom(Math.exp(-by[1] / 150));
    else if (this.desk.tool === "move") this.move(by);
  }

  private at(event: MouseEvent): Point {
    const box = this.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

export const bound = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
const same = (a: Adjust, b: Adjust): boolean => (Object.keys(a) as (keyof Adjust)[]).every((key) => a[key] === b[key]);

let described: Adjust | null = null;

/** One filter for the whole page says how pictures are shown. */
function describe(adjust: Adjust): void {
  if (described === adjust) return;
  described = adjust;
  const filter = document.querySelector("#adjusted") ?? make();
  const values = table(adjust).join(" ");
  filter.querySelector("feColorMatrix")!.setAttribute("values", adjust.green ? "0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 0 0 1 0" : "1 0 0 0 0 0 1 0 0 0 0 0 1 0 0 0 0 0 1 0");
  for (const channel of ["feFuncR", "feFuncG", "feFuncB"]) filter.querySelector(channel)!.setAttribute("tableValues", values);
}

function make(): Element {
  const holder = shape("svg", { width: 0, height: 0, "aria-hidden": "true", class: "unseen" });
  const filter = shape("filter", { id: "adjusted", "color-interpolation-filters": "sRGB", x: 0, y: 0, width: "100%", height: "100%" });
  const transfer = shape("feComponentTransfer", {});
  transfer.append(...["feFuncR", "feFuncG", "feFuncB"].map((channel) => shape(channel, { type: "table" })));
  filter.append(shape("feColorMatrix", { type: "matrix" }), transfer);
  holder.append(filter);
  document.body.append(holder);
  return filter;
}

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function label(x: number, y: number, text: string): SVGElement {
  const made = shape("text", { x, y });
  made.textContent = text;
  return made;
}

customElements.define("scan-view", ScanView);
