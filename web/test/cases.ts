/** Cases of the table: makes the bytes of each, and gives the browser's answer in the table's own words. */
import table from "../../tests/cases/headers.json";
import { type Hint, NO_FACTS, hint, readFacts } from "../src/lib/facts.ts";
import { type Known, against } from "../src/lib/who.ts";

type Value = string | { zeros: number } | { hex: string } | Element[][];
type Element = [tag: string, kind: string, value: Value];
interface Entry { name: string; birth_date: string; mrn: string; issuer: string }
interface Person extends Entry { formerly?: Entry[] }
export interface Answer { eye: string | null; contradicts: boolean; kind: string | null; captured_at: string | null; source: string | null; doubtful: boolean; other: boolean }
export interface Case {
  name: string;
  expect: Partial<Answer>;
  browser?: { why: string } & Record<string, null | string>;
  patient?: Partial<Person>;
  dicom?: Element[];
  implicit?: boolean;
  bare?: "meta" | "elements";
  exif?: { original: string; offset: string | null };
  vol?: { version?: string; eye: string; exam: string | null; born: string | null; patient: string };
  e2e?: object;
  hint?: Partial<Hint>;
}

export const CASES = table.cases as unknown as Case[];
export const NOTHING: Answer = { eye: null, contradicts: false, kind: null, captured_at: null, source: null, doubtful: false, other: false };
const HEAD = 64 * 1024;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const joined = (...parts: Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
};

/** What the browser makes of the file's head. */
export function answer(one: Case): Answer {
  const now = new Date(table.now);
  const zone = Number(table.zone.slice(0, 3)) * 60;
  const said = one.hint ? { ...NO_FACTS, patient: hint({ id: "", issuer: "", name: "", birth: "", ...one.hint }) } : readFacts(bytes(one).subarray(0, HEAD), now, zone);
  const known = ({ birth_date: birthDate, ...rest }: Entry): Known => ({ ...rest, birthDate });
  const { formerly = [], ...chosen }: Person = { ...table.patient, ...one.patient };
  const person = { ...known(chosen), formerly: formerly.map(known) };
  const { eye, contradicts, kind, capturedAt, source, doubtful } = said;
  return { eye, contradicts, kind, captured_at: capturedAt, source, doubtful, other: against(said, person).length > 0 };
}

function bytes({ dicom, implicit = false, bare, exif, vol }: Case): Uint8Array {
  const syntax: Element = ["0002,0010", "UI", implicit ? "1.2.840.10008.1.2\0" : "1.2.840.10008.1.2.1\0"];
  // Without a preamble, a file is known by three elements.
  const meta = elements([["0002,0002", "UI", "1.2.3 "], ["0002,0003", "UI", "1.2.4 "], syntax], false);
  if (dicom && bare) return joined(bare === "meta" ? meta : new Uint8Array(), elements(dicom, implicit));
  if (dicom) return joined(new Uint8Array(128), text("DICM"), meta, elements(dicom, implicit));
  if (exif) return jpeg(exif.original, exif.offset);
  if (vol) return volume(vol);
  return text("CMDb");
}

function elements(all: readonly Element[], implicit: boolean): Uint8Array {
  return joined(...[...all].sort(([one], [other]) => (one < other ? -1 : 1)).map((one) => element(one, implicit)));
}

function element([tag, kind, value]: Element, implicit: boolean): Uint8Array {
  let body = content(value, implicit);
  if (body.length % 2) body = joined(body, text(" "));
  const long = !implicit && (kind === "OB" || kind === "SQ");
  const head = new DataView(new ArrayBuffer(long ? 12 : 8));
  tag.split(",").forEach((part, index) => head.setUint16(2 * index, Number.parseInt(part, 16), true));
  if (implicit) {
    head.setUint32(4, body.length, true);
    return joined(new Uint8Array(head.buffer), body);
  }
  head.setUint8(4, kind.charCodeAt(0));
  head.setUint8(5, kind.charCodeAt(1));
  if (long) head.setUint32(8, body.length, true);
  else head.setUint16(6, body.length, true);
  return joined(new Uint8Array(head.buffer), body);
}

function content(value: Value, implicit: boolean): Uint8Array {
  if (typeof value === "string") return text(value);
  if ("zeros" in value) return new Uint8Array(value.zeros);
  if ("hex" in value) return Uint8Array.from(value.hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return joined(...value.map((item) => elements(item, implicit)).flatMap((item) => [Uint8Array.of(0xfe, 0xff, 0x00, 0xe0), new Uint8Array(Uint32Array.of(item.length).buffer), item]));
}

/** A JPEG as far as its Exif segment. */
function jpeg(original: string, offset: string | null): Uint8Array {
  const tiff = new DataView(new ArrayBuffer(140));
  const entry = (at: number, tag: number, type: number, count: number, value: number): void => {
    tiff.setUint16(at, tag, true); tiff.setUint16(at + 2, type, true); tiff.setUint32(at + 4, count, true); tiff.setUint32(at + 8, value, true);
  };
  tiff.setUint16(0, 0x4949); tiff.setUint16(2, 42, true); tiff.setUint32(4, 8, true);
  tiff.setUint16(8, 1, true); entry(10, 0x8769, 4, 1, 30);
  tiff.setUint16(30, offset === null ? 1 : 2, true); entry(32, 0x9003, 2, original.length + 1, 80); entry(44, 0x9011, 2, (offset ?? "").length + 1, 110);
  const body = new Uint8Array(tiff.buffer);
  body.set(text(original), 80);
  body.set(text(offset ?? ""), 110);
  const size = 2 + 6 + body.length;
  return joined(Uint8Array.of(0xff, 0xd8, 0xff, 0xe1, size >> 8, size & 255), text("Exif\0\0"), body);
}

function volume({ version = "HSF-OCT-103", eye, exam, born, patient }: NonNullable<Case["vol"]>): Uint8Array {
  const head = new DataView(new ArrayBuffer(4096));
  const all = new Uint8Array(head.buffer);
  all.set(text(version), 0);
  all.set(text(eye), 84);
  all.set(text(patient), 140);
  const [whole = "", fraction = ""] = (exam ?? "").split(".");
  const micros = exam ? BigInt(Date.parse(`${whole}Z`) - Date.UTC(1601, 0, 1)) * 1000n + BigInt(fraction.padEnd(6, "0")) : 0n;
  head.setBigUint64(88, micros * 10n, true);
  head.setFloat64(164, born ? (Date.parse(born) - Date.UTC(1899, 11, 30)) / 86_400_000 : 0, true);
  return all;
}
