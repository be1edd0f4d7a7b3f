/** The tools over one or two panes: buttons, sliders and keys all do the same things to one `Desk`. */
import { AS_IS, type Adjust, words } from "../lib/adjust.ts";
import { FIT, type Point } from "../lib/view.ts";
import { type Desk, type ScanView, type Tool, bound } from "./scan-view.ts";

const STEP = 1.25;
const PAN = 60;

export class DeskTools {
  constructor(
    private readonly root: HTMLElement,
    private readonly desk: Desk,
    private readonly panes: () => readonly ScanView[],
  ) {
    root.addEventListener("click", (event) => {
      const act = (event.target as Element).closest<HTMLElement>("[data-act]")?.dataset["act"];
      if (act) void this.act(act);
    });
    root.addEventListener("input", (event) => {
      const { name, value } = event.target as HTMLInputElement;
      if (name === "brightness" || name === "contrast" || name === "gamma") this.adjust({ [name]: Number(value) });
    });
    root.addEventListener("measured", () => this.say(this.panes().map((pane) => pane.distance()).find(Boolean) ?? ""));
    desk.addEventListener("change", () => this.tell());
    document.addEventListener("fullscreenchange", () => this.tell());
    this.tell();
  }

  /** Whether the act was one of ours. */
  act(act: string): boolean {
    const { desk } = this;
    const first = this.panes()[0];
    if (!first) return false;
    const look = (changes: Partial<Desk["view"]>): void => desk.set({ view: { ...desk.view, ...changes } });
    const tool = (wanted: Tool): void => desk.set({ tool: desk.tool === wanted ? "move" : wanted });
    const acts: Record<string, () => void> = {
      in: () => first.zoom(STEP),
      out: () => first.zoom(1 / STEP),
      fit: () => look({ zoom: 1, u: 0.5, v: 0.5 }),
      one: () => first.oneToOne(),
      microns: () => first.hasSpacing && look({ microns: !desk.view.microns }),
      left: () => first.move([PAN, 0]),
      right: () => first.move([-PAN, 0]),
      up: () => first.move([0, PAN]),
      down: () => first.move([0, -PAN]),
      turn: () => look({ turn: (desk.view.turn + 1) % 4 }),
      flipx: () => look({ flipX: !desk.view.flipX }),
      flipy: () => look({ flipY: !desk.view.flipY }),
      invert: () => this.adjust({ invert: !desk.adjust.invert }),
      green: () => this.adjust({ green: !desk.adjust.green }),
      zoom: () => tool("zoom"),
      measure: () => tool("measure"),
      full: () => void this.full(),
      screen: () => void (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()),
      reset: () => {
        desk.set({ view: FIT, adjust: AS_IS, tool: "move" });
        for (const pane of this.panes()) pane.clear();
        this.say("Shown as it is.");
      },
    };
    acts[act]?.();
    return act in acts;
  }

  say(text: string): void {
    const place = this.root.querySelector("[data-say]");
    if (place && place.textContent !== text) place.textContent = text;
  }

  private adjust(changes: Partial<Adjust>): void {
    const { brightness, contrast, gamma, ...rest } = { ...this.desk.adjust, ...changes };
    this.desk.set({ adjust: { ...rest, brightness: bound(brightness, -1, 1), contrast: bound(contrast, 0.2, 5), gamma: bound(gamma, 0.2, 5) } });
  }

  private async full(): Promise<void> {
    this.say("Fetching the picture in full …");
    try {
      await Promise.all(this.panes().map((pane) => pane.loadFull()));
      this.say("Full resolution.");
    } catch (error) {
      this.say(error instanceof Error && error.message ? error.message : "The picture in full cannot be fetched just now.");
    }
    this.tell();
  }

  /** What is on is named on the screen, and each button says whether it is pressed. */
  private tell(): void {
    const { view, adjust, tool } = this.desk;
    const pressed: Record<string, boolean> = {
      invert: adjust.invert,
      green: adjust.green,
      flipx: view.flipX,
      flipy: view.flipY,
      microns: view.microns,
      measure: tool === "measure",
      zoom: tool === "zoom",
      screen: document.fullscreenElement !== null,
    };
    for (const [act, is] of Object.entries(pressed)) {
      this.root.querySelector(`[data-act="${act}"]`)?.setAttribute("aria-pressed", String(is));
    }
    const ways = [
      ...words(adjust),
      view.turn ? `Turned ${view.turn * 90}°` : "",
      view.flipX || view.flipY ? `Mirrored ${[view.flipX ? "left–right" : "", view.flipY ? "up–down" : ""].filter(Boolean).join(", ")}` : "",
      view.microns ? "Micrometres 1:1" : "",
    ].filter(Boolean);
    const active = this.root.querySelector<HTMLElement>("[data-active]");
    if (active) {
      active.hidden = ways.length === 0;
      const text = ways.join(" · ");
      if (active.textContent !== text) active.textContent = text;
    }
    for (const name of ["brightness", "contrast", "gamma"] as const) {
      const input = this.root.querySelector<HTMLInputElement>(`input[name=${name}]`);
      if (input && Number(input.value) !== adjust[name]) input.value = String(adjust[name]);
    }
    for (const pane of this.panes()) {
      const badge = pane.querySelector<HTMLElement>("[data-preview]");
      if (badge) badge.hidden = pane.isFull;
      pane.dataset["tool"] = tool;
    }
    const button = this.root.querySelector<HTMLButtonElement>('[data-act="full"]');
    if (button) button.hidden = this.panes().every((pane) => pane.isFull);
  }
}

/** Keys that mean a tool; Shift and an arrow move the picture. */
export const KEYS: Readonly<Record<string, string>> = {
  "+": "in", "-": "out", "=": "fit", "1": "one", "2": "microns", i: "invert", g: "green", h: "flipx", v: "flipy", r: "turn",
  z: "zoom", m: "measure", d: "full", f: "screen", " ": "reset",
}; // prettier-ignore

export function movedBy(event: KeyboardEvent): string | undefined {
  const way: Record<string, string> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
  return event.shiftKey ? way[event.key] : undefined;
}
export type { Point };
