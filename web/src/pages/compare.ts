import "../styles/base.css";
import "../styles/scan.css";
import "../styles/compare.css";
import { DeskTools, KEYS, movedBy } from "../elements/desk-tools.ts";
import "../elements/oct-stack.ts";
import { PairStacks } from "../elements/pair-stacks.ts";
import { Desk, ScanView } from "../elements/scan-view.ts";
import { watchOpened } from "../elements/watch-opened.ts";
import { Api } from "../lib/api.ts";
import { tendPictures } from "../lib/pictures.ts";
import { rememberLight } from "../lib/light.ts";
import { takeKeys } from "../lib/shortcuts.ts";
import { align } from "../lib/view.ts";

/** Flashes a second; never more than 2.5 changes of picture, far below three flashes. */
const RATES = [1, 1.5, 2, 2.5];

const root = document.querySelector<HTMLElement>("[data-desk]")!;
const [first, second] = [...root.querySelectorAll<ScanView>("scan-view")] as [ScanView, ScanView];
const shared = new Desk();
const own = new Desk();
let [linked, blinking, rate, aligning] = [true, false, 0, false];
let timer: ReturnType<typeof setInterval> | undefined;

first.join(shared);
second.join(shared);
const tools = new DeskTools(root, shared, () => [first, second]);
const stacks = new PairStacks(root);
const api = new Api();
tendPictures(document, api);
watchOpened(document, api);
rememberLight();

const button = (act: string): HTMLElement | null => root.querySelector(`[data-pair="${act}"]`);
const press = (act: string, is: boolean): void => button(act)?.setAttribute("aria-pressed", String(is));

const pairs: Record<string, () => void> = {
  link: () => {
    linked = !linked;
    if (!linked) own.set({ view: shared.view, adjust: shared.adjust });
    second.join(linked ? shared : own);
    press("link", linked);
    tools.say(`${linked ? "Both move together." : "Each moves by itself."} ${stacks.link(linked)}`.trim());
  },
  blink: () => {
    blinking = !blinking;
    if (blinking && !linked) pairs["link"]!();
    root.classList.toggle("blinking", blinking);
    press("blink", blinking);
    start();
    tools.say(blinking ? `Blinking ${RATES[rate]} times a second. Press b to stop.` : "Side by side.");
  },
  rate: () => {
    rate = (rate + 1) % RATES.length;
    start();
    const place = button("rate");
    if (place) place.textContent = `${RATES[rate]} Hz`;
  },
  flip: () => root.classList.toggle("second"),
  align: () => {
    aligning = !aligning;
    if (aligning && blinking) pairs["blink"]!();
    shared.set({ tool: aligning ? "point" : "move" });
    own.set({ tool: shared.tool });
    press("align", aligning);
    if (aligning) {
      second.over = null;
      for (const pane of [first, second]) pane.clear();
    }
    tell(aligning ? "Click a vessel crossing on the left, then the same one on the right; two pairs align, a third measures how well." : "");
  },
  unalign: () => {
    second.over = null;
    for (const pane of [first, second]) pane.clear();
    if (aligning) pairs["align"]!();
    tell("");
    shared.set({});
  },
};

function start(): void {
  clearInterval(timer);
  root.classList.remove("second");
  timer = blinking ? setInterval(() => root.classList.toggle("second"), 1000 / RATES[rate]!) : undefined;
}

function tell(text: string): void {
  const place = root.querySelector<HTMLElement>("[data-alignment]")!;
  place.textContent = text || "Not aligned: places do not correspond exactly.";
  button("unalign")!.hidden = second.over === null;
}

root.addEventListener("pointed", () => {
  const count = Math.min(first.marked.length, second.marked.length);
  if (count < 2 || first.marked.length !== second.marked.length) return;
  const found = align(first.marked.map((point, index) => [point, second.marked[index]!] as const));
  // Two pictures of one eye differ in scale by what cameras differ, not by a factor of three.
  if (!found || found.scale < 1 / 3 || found.scale > 3) {
    tell("These points do not fit together. Start again.");
    for (const pane of [first, second]) pane.clear();
    return;
  }
  second.over = { matrix: found.matrix, size: first.size };
  if (!linked) pairs["link"]!();
  tell(
    `Aligned by ${count} points (turned, scaled ${found.scale.toFixed(2)}, shifted), ` +
      (found.residual === null ? "residual unknown until a third point." : `residual ${found.residual.toFixed(1)} pixels.`),
  );
  shared.set({});
});

root.addEventListener("click", (event) => {
  const act = (event.target as Element).closest<HTMLElement>("[data-pair]")?.dataset["pair"];
  if (act) pairs[act]?.();
});
tell("");

takeKeys((key, event) => {
  const moved = movedBy(event);
  if (moved) return tools.act(moved);
  if (!event.shiftKey && stacks.key(key)) return true;
  const own: Record<string, string> = { b: "blink", l: "link", a: "align" };
  if (own[key]) {
    pairs[own[key]]!();
    return true;
  }
  if (KEYS[key]) return tools.act(KEYS[key]);
  const link = document.querySelector<HTMLAnchorElement>(`a[data-key="${CSS.escape(key)}"]`);
  link?.click();
  return link !== null;
});
