/**
 * What the first bytes of a file say about it: patient, eye, kind, time. Read before anything is sent, to suggest, to group
 * and to guard; never declared. The worker reads the same by the same rules (broker/ingest/facts.py and its formats):
 * tests/cases/headers.json holds both to them. What cannot be told from the head, or is not read here, is null.
 */
import { readDicom } from "./dicom-head.ts";
import { readExif } from "./exif.ts";
import { plain } from "./outside.ts";
import { withoutPrefix } from "./signatures.ts";
import { readVol } from "./vol-head.ts";

/** What a file says about its patient; only what stands there, else "". `birth` is ISO: 1957-03-21. */
export interface Hint {
  readonly id: string;
  readonly issuer: string;
  readonly name: string;
  readonly birth: string;
}

export interface Facts {
  readonly patient: Hint | null;
  /** null: it says nothing, or contradicts itself. */
  readonly eye: "OD" | "OS" | "OU" | null;
  /** The file names the right eye in one place and the left in another. */
  readonly contradicts: boolean;
  readonly kind: string | null;
  /** ISO, local to the device; with an offset only where the file itself gives one. */
  readonly capturedAt: string | null;
  /** A CaptureSource value; null exactly if there is no time. */
  readonly source: string | null;
  /** The time is kept, but somebody should confirm it. */
  readonly doubtful: boolean;
  /** No time can be believed: the one that stands there lies before the birth date that stands there, too. */
  readonly beforeBirth: boolean;
  /** What it says is not read here: the worker looks for it. */
  readonly unread: boolean;
}

export const NO_FACTS: Facts = { patient: null, eye: null, contradicts: false, kind: null, capturedAt: null, source: null, doubtful: false, beforeBirth: false, unread: false };
const UNREAD: Facts = { ...NO_FACTS, unread: true };

/** Bytes that are read of each file. */
export const HEAD = 64 * 1024;

/** Never raises: a file that says nothing readable just says nothing. `zone`: minutes that the clinic is ahead of UTC. */
export function readFacts(head: Uint8Array, now: Date, zone = -now.getTimezoneOffset()): Facts {
  const clock = { now: now.getTime(), zone };
  try {
    if (starts(head, "HSF-OCT-")) return readVol(head, clock);
    if (head[0] === 0xff && head[1] === 0xd8) return { ...NO_FACTS, ...readExif(head, clock) };
    if (head.length > 132 && starts(head.subarray(128), "DICM")) return readDicom(head, clock);
    const written = withoutPrefix(head, Infinity);
    if (written) return readDicom(head, clock, written);
  } catch {
    // Damaged: the worker will say how.
  }
  return UNREAD;
}

/** A hint, or null if it says nothing. Devices write "unknown" for nothing. */
export function hint(said: Hint): Hint | null {
  const known = (text: string): string => (text.toLowerCase() === "unknown" ? "" : text);
  const made = { id: known(said.id), issuer: known(said.issuer), name: known(said.name), birth: said.birth };
  return made.id || made.issuer || made.name || made.birth ? made : null;
}

/** One line of text without what cannot be seen, of at most 200 characters. */
export function line(text: string): string {
  const whole = plain(text.replace(/\0.*$/s, "")).replace(/\s+/g, " ").trim();
  return [...whole].slice(0, 200).join("").trim();
}

function starts(bytes: Uint8Array, text: string): boolean {
  return [...text].every((letter, index) => bytes[index] === letter.charCodeAt(0));
}
