/** Which files can be refused before a byte is sent: by their name's ending, their size, and their first bytes. */
import { fault, sniff } from "./signatures.ts";

/** Files that systems and cameras leave lying about. */
const SYSTEM = /^(\.|~\$|thumbs\.db$|desktop\.ini$|autorun\.inf$)/i;

export const isSystemFile = (name: string): boolean => SYSTEM.test(name);

/** Why a file is refused here: the service's own codes, so that its sentences are the only ones. */
export const CODES = ["empty", "type", "mismatch", "fileset", "preamble", "truncated", "decode", "file-too-large"] as const;
export type Code = (typeof CODES)[number];

/** What the service takes: the largest file in bytes, and for each kind of file the endings its name may have. */
export interface Taken {
  readonly most: number;
  readonly kinds: Readonly<Record<string, readonly string[]>>;
}

/** Why this file cannot be stored, as far as name and size tell; null if they do not. */
export function refusedByName(name: string, size: number, { most, kinds }: Taken): Code | null {
  if (size === 0) return "empty";
  if (size > most) return "file-too-large";
  if (name.toUpperCase() === "DICOMDIR") return "fileset";
  const own = ending(name);
  return own && !Object.values(kinds).some((endings) => endings.includes(own)) ? "type" : null;
}

/** Why this file cannot be stored, as far as its first bytes tell; null if they do not. */
export function refusedByContents(name: string, size: number, head: Uint8Array, { kinds }: Taken): Code | null {
  // A file that cannot be read says so when it is sent.
  if (head.length < Math.min(size, 1)) return null;
  const peek = { head, size, ending: ending(name) };
  const kind = sniff(peek);
  if (kind === "unsure") return null;
  if (kind === null) return "type";
  // Without an ending come only DICOM files.
  if (peek.ending ? !kinds[kind]?.includes(peek.ending) : kind !== "dicom") return "mismatch";
  return fault(kind, peek) as Code | null;
}

/** The ending of a name, in small letters; "" if it has none. All-digit endings are those of DICOM's own numbers. */
function ending(name: string): string {
  const [, stem, tail = ""] = /^(.*)\.([^.]*)$/.exec(name.replace(/[ .]+$/, "")) ?? [];
  return stem && !/^\d+$/.test(tail) ? tail.toLowerCase() : "";
}

/** The media type that the first bytes promise, for what a browser can draw; null for all else. */
export function drawable(head: Uint8Array): string | null {
  const kind = sniff({ head, size: head.length, ending: "" });
  return kind !== null && DRAWN.has(kind) ? `image/${kind}` : null;
}

const DRAWN = new Set(["jpeg", "png", "webp", "bmp"]);
