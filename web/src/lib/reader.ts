/** What reads the heads of files. Fetched when it is first wanted: it is a fifth of the page's scripts. */
type Reader = typeof import("./facts.ts");

let known: Promise<Reader> | null = null;

/** Raises if it cannot be fetched; asking again tries again. Without it no file may be listed: its header guards. */
export function reader(): Promise<Reader> {
  known ??= import("./facts.ts").catch((error: unknown) => {
    known = null;
    throw error;
  });
  return known;
}

export const UNREAD = "The page could not be loaded whole, so no file was read and none was added. Reload the page, then choose the files again.";
