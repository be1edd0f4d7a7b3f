import "../styles/base.css";
import "../styles/scan.css";
import { DeskTools, KEYS, movedBy } from "../elements/desk-tools.ts";
import { OctStack } from "../elements/oct-stack.ts";
import { Desk, ScanView } from "../elements/scan-view.ts";
import { watchOpened } from "../elements/watch-opened.ts";
import { Api } from "../lib/api.ts";
import { download } from "../lib/download.ts";
import type { Opened } from "../lib/opened.ts";
import { tendPictures } from "../lib/pictures.ts";
import { rememberLight } from "../lib/light.ts";
import { takeKeys } from "../lib/shortcuts.ts";
import { Signing } from "../lib/signing.ts";
import { keepWords } from "../lib/words.ts";

const api = new Api();
const root = document.querySelector<HTMLElement>("[data-desk]");
const pane = root?.querySelector<ScanView>("scan-view");
const stack = root?.querySelector<OctStack>("oct-stack");
const desk = new Desk();
pane?.join(desk);
const tools = root && pane ? new DeskTools(root, desk, () => [pane]) : undefined;

tendPictures(document, api);
rememberLight();
keepWords(document);

let opened: Opened | undefined;
const form = document.querySelector<HTMLFormElement>("form[data-signing]");
const signing = form ? new Signing(form, () => opened) : undefined;
opened = watchOpened(document, api, (seen) => signing?.learn(seen));

const original = document.querySelector<HTMLButtonElement>("[data-original]");
// Disabled until now, so that no click is lost while the page is still coming.
if (original) original.disabled = false;
original?.addEventListener("click", async ({ currentTarget }) => {
  const button = currentTarget as HTMLButtonElement;
  const say = document.querySelector("[data-original-say]");
  button.disabled = true;
  try {
    download(await api.original(button.dataset["original"]!));
  } catch (error) {
    if (say) say.textContent = error instanceof Error ? error.message : "The original cannot be fetched just now.";
  } finally {
    button.disabled = false;
  }
});

takeKeys((key, event) => {
  const moved = movedBy(event);
  if (moved) return tools?.act(moved) ?? false;
  if (stack && !event.shiftKey) {
    const steps: Record<string, () => void> = {
      ArrowUp: () => stack.step(-1),
      ArrowDown: () => stack.step(1),
      Home: () => stack.first(),
      End: () => stack.last(),
    };
    if (steps[key]) {
      steps[key]();
      return true;
    }
  }
  if (KEYS[key]) return tools?.act(KEYS[key]) ?? false;
  if (key === "n") {
    document.querySelector<HTMLTextAreaElement>("textarea[name=note]")?.focus();
    return true;
  }
  const link = document.querySelector<HTMLAnchorElement>(`a[data-key="${CSS.escape(key)}"]`);
  link?.click();
  return link !== null;
});

// What one goes to next is fetched while nothing else is: links handed out, and audited as such.
const near = [...document.querySelectorAll<HTMLAnchorElement>("a[data-near]")].map((link) => link.dataset["near"]!);
const idle = globalThis.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 300));
if (near.length) {
  idle(async () => {
    const links = await api.links([...new Set(near)], "display").catch(() => new Map<string, string>());
    for (const url of links.values()) {
      const image = new Image();
      image.crossOrigin = "anonymous";
      image.referrerPolicy = "no-referrer";
      image.src = url;
    }
  });
}
