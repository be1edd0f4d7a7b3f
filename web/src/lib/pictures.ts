/** Pictures of the store: an expired link is renewed once, and the placeholder goes when the picture is there. */
import { Api } from "./api.ts";
import { Gather } from "./gather.ts";

/** Looks after every `img[data-scan]`, also after those that come later. */
export function tendPictures(root: Document, api = new Api()): void {
  const fresh = new Map<string, Gather<string, string | undefined>>();
  const link = (rendition: string, id: string): Promise<string | undefined> => {
    let gather = fresh.get(rendition);
    if (!gather) {
      gather = new Gather(async (ids) => {
        const links = await api.links(ids, rendition);
        return ids.map((one) => links.get(one));
      });
      fresh.set(rendition, gather);
    }
    return gather.ask(id);
  };
  /** A picture that failed just before this script ran is found below, and may report its error as well. */
  const asking = new WeakSet<HTMLImageElement>();
  const retry = async (image: HTMLImageElement): Promise<void> => {
    const { scan, rendition, renewed } = image.dataset;
    if (!scan || !rendition || asking.has(image)) return;
    asking.add(image);
    const url = renewed ? undefined : await link(rendition, scan).catch(() => undefined);
    asking.delete(image);
    image.dataset["renewed"] = "yes";
    if (url) image.src = url;
    // The blurred placeholder stays, and the alternative text says what it is.
    else image.closest(".pane, .frame, scan-view, figure")?.classList.add("unavailable");
  };
  // Events of images do not bubble; they are caught on their way down.
  root.addEventListener("error", ({ target }) => void (target instanceof HTMLImageElement && retry(target)), true);
  root.addEventListener("load", ({ target }) => void (target instanceof HTMLImageElement && uncover(target)), true);
  // Those that were there, or failed, before this script ran.
  for (const image of root.querySelectorAll<HTMLImageElement>("img[data-scan]")) {
    if (image.complete && image.naturalWidth > 0) uncover(image);
    else if (image.complete && image.loading !== "lazy") void retry(image);
  }
}

/** The placeholder's sixteen pixels have not quite the same shape; beside the picture they would show. */
function uncover(image: HTMLImageElement): void {
  const under = image.previousElementSibling;
  if (image.dataset["scan"] && under?.matches("img.under")) under.remove();
}
