/** The header of Heidelberg's .vol. Source: the vendor's "Special Function: Exporting Raw Data"; all little-endian. */
import { type Clock, UNKNOWN, believed, timeless } from "./believed.ts";
import { type Facts, NO_FACTS, hint, line } from "./facts.ts";

const HEADER = 2048;
const EYE = 84;
const EXAM = 88;
const PATIENT = 140;
const BORN = 164;
const DAY = 86_400_000;

export function readVol(head: Uint8Array, clock: Clock): Facts {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < HEADER) throw new RangeError("cut inside the header");
  const text = (at: number, length: number): string => line(new TextDecoder("windows-1252").decode(head.slice(at, at + length)));
  const eye = text(EYE, 2);
  const exam = filetime(view.getBigUint64(EXAM, true));
  const said = oleDay(view.getFloat64(BORN, true));
  // On or before the day of birth: both are what a program writes that does not know.
  const born = exam && said && exam.slice(0, 10) <= said ? "" : said;
  const captured = exam ? believed({ at: exam, offset: "" }, "vendor", clock, said) : UNKNOWN;
  return {
    ...NO_FACTS,
    patient: hint({ id: text(PATIENT, 24), issuer: "", name: "", birth: born }),
    eye: eye === "OD" || eye === "OS" ? eye : null,
    kind: "oct",
    ...captured,
    doubtful: captured.doubtful || timeless(captured),
  };
}

/** Steps of 100 ns since 1601; 0 is nothing. */
function filetime(ticks: bigint): string {
  if (ticks === 0n) return "";
  const micros = ticks / 10n;
  const date = new Date(Date.UTC(1601, 0, 1) + Number(micros / 1000n));
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) return "";
  const fraction = String(micros % 1_000_000n).padStart(6, "0");
  return date.toISOString().slice(0, 19) + (fraction === "000000" ? "" : `.${fraction}`);
}

/** Days since 30 Dec 1899; "" unless somebody alive may have been born then. */
function oleDay(days: number): string {
  if (!(days >= 1 && days < 200_000)) return "";
  return new Date(Date.UTC(1899, 11, 30) + Math.floor(days) * DAY).toISOString().slice(0, 10);
}
