/** Files that were dropped or chosen, folders opened to their bottom; what systems leave lying about is counted, not taken. */
import { inOrder } from "./names.ts";
import { isSystemFile } from "./types.ts";

export interface Chosen {
  readonly file: File;
  /** Where it lay below what was dropped: `visit/right/1.jpg`; just the name for a single file. */
  readonly path: string;
}

export interface Gathered {
  readonly chosen: readonly Chosen[];
  /** System files that were left out. */
  readonly system: number;
  /** Whether there were more than are taken at once. */
  readonly over: boolean;
  /** With which the browser can open the same again after a restart, where it offers that. */
  readonly handles: readonly FileSystemHandle[];
}

/** Files taken by one drop or choice. */
export const MOST_AT_ONCE = 5_000;
/** Files looked at side by side; a folder of thousands must not stop the page. */
const ABREAST = 64;

type Found = { readonly path: string; readonly open: () => Promise<File> };

export function fromInput(list: readonly File[]): Gathered {
  const found = list.map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  const wanted = found.filter(({ path }) => !isHidden(path)).sort(byPath);
  return { chosen: wanted.slice(0, MOST_AT_ONCE), system: found.length - wanted.length, over: wanted.length > MOST_AT_ONCE, handles: [] };
}

/** Must be called within the drop event: afterwards the browser has forgotten what was dropped. */
export async function fromDrop(transfer: DataTransfer): Promise<Gathered> {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const asked = items.map((item) => ({
    entry: item.webkitGetAsEntry(),
    handle: "getAsFileSystemHandle" in item ? item.getAsFileSystemHandle().catch(() => null) : Promise.resolve(null),
  }));
  const found: Found[] = [];
  const handles: FileSystemHandle[] = [];
  for (const { entry, handle } of asked) {
    const opened = await handle;
    if (opened) handles.push(opened);
    if (opened) await walkHandle(opened, opened.name, found);
    else if (entry) await walkEntry(entry, entry.name, found);
  }
  return open(found, handles);
}

/** Opens again what was dropped before a restart; the person has allowed it. */
export async function fromHandles(handles: readonly FileSystemHandle[]): Promise<Gathered> {
  const found: Found[] = [];
  for (const handle of handles) await walkHandle(handle, handle.name, found).catch(() => undefined);
  return open(found, handles);
}

async function open(found: readonly Found[], handles: readonly FileSystemHandle[]): Promise<Gathered> {
  const wanted = found.filter(({ path }) => !isHidden(path)).sort(byPath);
  const taken = wanted.slice(0, MOST_AT_ONCE);
  const chosen: Chosen[] = [];
  for (let at = 0; at < taken.length; at += ABREAST) {
    const files = await Promise.all(taken.slice(at, at + ABREAST).map(({ open: get, path }) => get().then((file) => ({ file, path }), () => null)));
    chosen.push(...files.flatMap((one) => one ?? []));
  }
  return { chosen, system: found.length - wanted.length, over: wanted.length > MOST_AT_ONCE, handles };
}

/** The order in which people count, the same for what was dropped and for what was chosen. */
const byPath = (a: { path: string }, b: { path: string }): number => inOrder(a.path, b.path);

/** Also what lies in a hidden folder, or in the one that macOS puts into archives. */
const isHidden = (path: string): boolean => path.split("/").some((part) => isSystemFile(part) || part === "__MACOSX");

async function walkHandle(handle: FileSystemHandle, path: string, found: Found[]): Promise<void> {
  if (handle.kind === "file") {
    found.push({ path, open: () => (handle as FileSystemFileHandle).getFile() });
    return;
  }
  for await (const [name, child] of (handle as FileSystemDirectoryHandle).entries()) {
    if (found.length > 2 * MOST_AT_ONCE) return;
    await walkHandle(child, `${path}/${name}`, found);
  }
}

async function walkEntry(entry: FileSystemEntry, path: string, found: Found[]): Promise<void> {
  if (entry.isFile) {
    found.push({ path, open: () => new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)) });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0 || found.length > 2 * MOST_AT_ONCE) return;
    for (const child of some) await walkEntry(child, `${path}/${child.name}`, found);
  }
}
