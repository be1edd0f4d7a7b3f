/** The header of Heidelberg's .vol. Source: the vendor's "Special Function: Exporting Raw Data"; all little-endian. */
import { type Facts, hint } from "./facts.ts";

const EYE = 84;
const PATIENT = 140;
const BORN = 164;
const EXAM = 88;
const DAY = 86_400_000;

export function readVol(head: Uint8Array): Facts {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const ascii = (at: number, length: number): string => String.fromCharCode(...head.subarray(at, at + length)).replace(/\0.*$/s, "").trim();
  const eye = ascii(EYE, 4);
  // An OLE date: days since 30 Dec 1899.
  const born = new Date(Date.UTC(1899, 11, 30) + Math.floor(view.getFloat64(BORN, true)) * DAY);
  // A FILETIME: 100 ns since 1601, here without a zone.
  const exam = new Date(Date.UTC(1601, 0, 1) + Number(view.getBigUint64(EXAM, true) / 10_000n));
  return {
    patient: hint(ascii(PATIENT, 21), "", day(born)),
    eye: eye === "OD" || eye === "OS" ? eye : null,
    kind: "oct",
    capturedAt: day(exam) ? exam.toISOString().slice(0, 19) : null,
  };
}

/** Zeros and nonsense are no day. */
function day(date: Date): string | null {
  const year = date.getUTCFullYear();
  return year > 1900 && year < 2200 ? date.toISOString().slice(0, 10) : null;
}
