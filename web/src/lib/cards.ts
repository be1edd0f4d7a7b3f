/** The cards of a page of scans: which there are, which lies beside which, and how they are shown anew. */
import { type Pick, read } from "./picked.ts";

export const cardOf = (target: EventTarget | null): HTMLElement | null => (target instanceof Element ? target.closest<HTMLElement>("[data-card]") : null);
export const linkOf = (card: Element | null): HTMLElement | null => card?.querySelector<HTMLElement>("a") ?? null;
export const card = (key: string | null): HTMLElement | null => document.querySelector(`[data-card="${key}"]`);
export const cards = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-card]")];

/** What can be chosen on the page, in its order. */
export function picks(): Pick[] {
  return cards().map(({ dataset }) => ({
    key: dataset["card"]!,
    ids: dataset["folded"]?.split(" ") ?? [dataset["card"]!],
    patient: dataset["patient"]!,
    folded: dataset["folded"] !== undefined,
    shown: read(dataset["shown"] ?? ""),
  }));
}

/** The card of one scan that lies there: left and right as the page is read, up and down as it is seen. */
export function beside(from: HTMLElement, arrow: string): HTMLElement | undefined {
  const singles = cards().filter(({ dataset }) => dataset["folded"] === undefined);
  const at = singles.indexOf(from);
  if (arrow === "ArrowLeft") return singles[at - 1];
  if (arrow === "ArrowRight") return singles[at + 1];
  const here = from.getBoundingClientRect();
  const below = arrow === "ArrowDown";
  const away = (one: HTMLElement): number => {
    const box = one.getBoundingClientRect();
    const gap = below ? box.top - here.bottom : here.top - box.bottom;
    return gap < 0 ? Infinity : 4 * gap + Math.abs(box.left - here.left);
  };
  const nearest = singles.reduce<HTMLElement | undefined>((best, one) => (best && away(best) <= away(one) ? best : one), undefined);
  return nearest && away(nearest) < Infinity ? nearest : undefined;
}

/**
 * Show these scans as they are now. `how` is where their cards can be had; "page": the parts of this page that hold them.
 * False if that cannot be had.
 */
export async function refresh(how: string, ids: readonly string[]): Promise<boolean> {
  const page = how === "page" ? await get(location.href) : await get(how, [...new URLSearchParams(location.search), ...ids.map((id) => ["scan", id] as [string, string])]);
  if (!page) return false;
  const places = how === "page" ? [...document.querySelectorAll("[data-anew]")].map(({ id }) => `#${id}`) : ids.map((id) => `[data-card="${id}"]`);
  for (const place of places) {
    const [old, now] = [document.querySelector(place), page.querySelector(place)];
    // What is not there any more was withdrawn, moved, or does not fit the filters now.
    if (now) old?.replaceWith(now);
    else old?.remove();
  }
  return true;
}

async function get(path: string, asked?: [string, string][]): Promise<Document | null> {
  const options = asked ? { method: "POST", body: new URLSearchParams(asked), headers: { "HX-Request": "true" } } : {};
  const answer = await fetch(path, { ...options, credentials: "same-origin" }).catch(() => null);
  return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}
