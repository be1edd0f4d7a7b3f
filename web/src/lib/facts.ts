/** What the first bytes of a file say about it: patient, eye, kind, time. Read before anything is sent. */
import { readDicom } from "./dicom-head.ts";
import { readExif } from "./exif.ts";
import { readVol } from "./vol-head.ts";

/** What a file says about its patient; only what stands there. `birth` is ISO: 1957-03-21. */
export interface Hint {
  readonly id: string;
  readonly name: string;
  readonly birth: string;
}

export interface Facts {
  readonly patient: Hint | null;
  readonly eye: string | null;
  readonly kind: string | null;
  /** ISO, without an offset where the file has none. */
  readonly capturedAt: string | null;
}

export const NO_FACTS: Facts = { patient: null, eye: null, kind: null, capturedAt: null };

/** Bytes that are read of each file. */
export const HEAD = 64 * 1024;

/** Never raises: a file that says nothing readable just says nothing. */
export function readFacts(head: Uint8Array): Facts {
  try {
    if (starts(head, "HSF-OCT-")) return readVol(head);
    if (head[0] === 0xff && head[1] === 0xd8) return { ...NO_FACTS, capturedAt: readExif(head) };
    if (head.length > 132 && starts(head.subarray(128), "DICM")) return readDicom(head);
  } catch {
    // Damaged: the worker will say how.
  }
  return NO_FACTS;
}

/** A hint, or null if it says nothing. */
export function hint(id: string, name: string, birth: string | null): Hint | null {
  const said = { id: id.trim(), name: name.trim(), birth: birth ?? "" };
  return said.id || said.name || said.birth ? said : null;
}

/** `20261120` as `2026-11-20`; null if it is no day. */
export function isoDay(text: string): string | null {
  const [, year, month, day] = /^(\d{4})[.:]?(\d\d)[.:]?(\d\d)/.exec(text) ?? [];
  if (!year || !month || !day) return null;
  const iso = `${year}-${month}-${day}`;
  const date = new Date(`${iso}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso) && iso > "1880" ? iso : null;
}

/** A day and `093015.2` or `09:30:15` as ISO; the day alone if there is no time. */
export function isoMoment(day: string, time: string): string | null {
  const date = isoDay(day);
  const [, hour, minute, second] = /^(\d\d):?(\d\d):?(\d\d)?/.exec(time.trim()) ?? [];
  if (!date || !hour || !minute || hour > "23" || minute > "59" || (second ?? "00") > "59") return date;
  return `${date}T${hour}:${minute}:${second ?? "00"}`;
}

function starts(bytes: Uint8Array, text: string): boolean {
  return [...text].every((letter, index) => bytes[index] === letter.charCodeAt(0));
}
