/** Notices which pictures of a page somebody has really before them, and tells the service. */
import type { Api } from "../lib/api.ts";
import { Opened, type Seen } from "../lib/opened.ts";
import type { ScanView } from "./scan-view.ts";

/** `learn` hears what is kept as seen. */
export function watchOpened(page: Document, api: Api, learn: (seen: readonly Seen[]) => void = () => undefined): Opened {
  const opened = new Opened(async (seen, last) => learn(await api.opened(seen, last)));
  const look = (): void => {
    if (page.visibilityState !== "visible") return;
    for (const view of page.querySelectorAll<ScanView>("scan-view")) {
      const slice = view.onView;
      if (slice !== null) opened.note(view.dataset["scan"]!, slice);
    }
  };
  page.addEventListener("painted", look);
  page.addEventListener("visibilitychange", look);
  page.addEventListener("scroll", look, { passive: true });
  addEventListener("pagehide", () => void opened.flush(true));
  look();
  return opened;
}
