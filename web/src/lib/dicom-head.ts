/** The elements of a DICOM file's first bytes that matter before it is sent: who, when. Source: DICOM PS3.6, PS3.3 C.7.1.1. */
import { type DataSet, parseDicom } from "dicom-parser";
import { type Captured, type Clock, UNKNOWN, believed, isoDay, isoTime } from "./believed.ts";
import { readEye } from "./dicom-eye.ts";
import { readKind } from "./dicom-kind.ts";
import { type Facts, type Hint, NO_FACTS, hint, line } from "./facts.ts";

const PIXELS = "x7fe00010";
const [IMPLICIT, EXPLICIT] = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"];
/** An empty preamble and the letters behind it. */
const PREFIX = Uint8Array.from([...new Uint8Array(128), ...new TextEncoder().encode("DICM")]);
/** (0008,0005): the encodings that clinics use; all else reads as Latin 1, whose ASCII part is right anyway. */
const ENCODINGS: Readonly<Record<string, string>> = {
  "ISO_IR 192": "utf-8", "ISO_IR 101": "iso-8859-2", "ISO_IR 109": "iso-8859-3", "ISO_IR 110": "iso-8859-4", "ISO_IR 144": "iso-8859-5",
  "ISO_IR 127": "iso-8859-6", "ISO_IR 126": "iso-8859-7", "ISO_IR 138": "iso-8859-8", "ISO_IR 148": "windows-1254", "ISO_IR 13": "shift_jis",
  "ISO_IR 166": "windows-874", GB18030: "gb18030", GBK: "gbk",
};
/** Date (or date and time in one), time, and what they are called, by precedence. */
const TIMES = [
  ["x0008002a", "", "dicom:0008,002A"], ["x00080022", "x00080032", "dicom:0008,0022"], ["x00080023", "x00080033", "dicom:0008,0023"],
  ["x00080021", "x00080031", "dicom:0008,0021"], ["x00080020", "x00080030", "dicom:0008,0020"],
] as const;
const SERIES = "x00080021";
/** A series dated this close to the making of the file, long after its study, bears the time of its export. */
const EXPORT_WITHIN = 15 * 60_000;
const EXPORT_AFTER = 365 * 86_400_000;
/** Nobody alive was born before; devices write 1 January 1900 when they do not know. */
const EARLIEST_BIRTH = "1900-01-02";

/** `written`: how the elements are written in a file without preamble, which need not say it. */
export function readDicom(head: Uint8Array, clock: Clock, written: "explicit" | "implicit" | null = null): Facts {
  const header = new Header(written ? parsedBare(head, written) : parsed(head));
  return { ...NO_FACTS, patient: patient(header), ...readEye(header), kind: readKind(header), ...captured(header, clock) };
}

/** One data set: that of the file, or of an item in a sequence. */
export class Header {
  constructor(private readonly data: DataSet) {}

  /** The first value as one line of text; "" if there is none, or one that cannot be decoded here. */
  text(tag: string): string {
    return this.texts(tag)[0] ?? "";
  }

  word(tag: string): string {
    return this.text(tag).toUpperCase();
  }

  texts(tag: string): string[] {
    const element = this.data.elements[tag];
    const all = this.data.byteArray;
    if (!element || element.length <= 0 || element.dataOffset + element.length > all.length) return [];
    const bytes = Uint8Array.from(all.subarray(element.dataOffset, element.dataOffset + element.length));
    // Several sets in one text, changed by escapes: browsers have no decoder for it, and half a name is none.
    if (bytes.includes(0x1b)) return [];
    return new TextDecoder(this.encoding()).decode(bytes).split("\\").map(line);
  }

  items(tag: string): Header[] {
    return (this.data.elements[tag]?.items ?? []).flatMap(({ dataSet }) => (dataSet ? [new Header(dataSet)] : []));
  }

  /** Code values in a sequence of codes. */
  codes(tag: string): string[] {
    return this.items(tag).map((item) => item.text("x00080100")).filter(Boolean);
  }

  has(prefix: string): boolean {
    return Object.keys(this.data.elements).some((tag) => tag.startsWith(prefix));
  }

  private encoding(): string {
    const set = (this.data.string("x00080005") ?? "").split("\\").map((one) => one.trim());
    return set.map((one) => ENCODINGS[one.replace("ISO 2022 IR", "ISO_IR")]).find(Boolean) ?? "latin1";
  }
}

/** The file goes on behind the head, so the parser always runs into its end: what it read until then is what we want. */
function parsed(head: Uint8Array, syntax = ""): DataSet {
  try {
    return parseDicom(head, { untilTag: PIXELS, ...(syntax && { TransferSyntaxUID: syntax }) });
  } catch (error) {
    const partial = (error as { dataSet?: DataSet }).dataSet;
    if (!partial) throw error;
    return partial;
  }
}

/** A file that begins with its elements. Group 0002 names the syntax of the rest; behind a preamble the parser finds it. */
function parsedBare(head: Uint8Array, written: "explicit" | "implicit"): DataSet {
  if (head[0] === 8) return parsed(head, written === "explicit" ? EXPLICIT : IMPLICIT);
  const whole = new Uint8Array(PREFIX.length + head.length);
  whole.set(PREFIX);
  whole.set(head, PREFIX.length);
  return parsed(whole);
}

/** A name has up to three forms, alphabetic, ideographic, phonetic; each has parts divided by carets. */
function patient(header: Header): Hint | null {
  const form = header.text("x00100010").split("=").find((one) => /[^^ ]/.test(one)) ?? "";
  const [last, ...rest] = form.split("^").map((part) => part.trim());
  const born = isoDay(header.text("x00100030"));
  return hint({
    id: header.text("x00100020"),
    issuer: header.text("x00100021"),
    name: [last, rest.filter(Boolean).join(" ")].filter(Boolean).join(", "),
    birth: born >= EARLIEST_BIRTH ? born : "",
  });
}

/** When the picture was taken, by the first date that can be believed. A date that cannot takes its time along. */
function captured(header: Header, clock: Clock): Captured {
  const born = isoDay(header.text("x00100030"));
  const zone = offset(header.text("x00080201"));
  let beforeBirth = false;
  for (const [dayTag, timeTag, source] of TIMES) {
    const [day, time, own] = timeTag ? [isoDay(header.text(dayTag)), isoTime(header.text(timeTag)), ""] : dateTime(header.text(dayTag));
    if (!day) continue;
    const at = `${day}T${time || "00:00:00"}`;
    const found = believed({ at, offset: own || zone }, source, clock, born);
    beforeBirth ||= found.beforeBirth;
    if (found.capturedAt) return { ...found, doubtful: found.doubtful || !time || (dayTag === SERIES && isExport(header, at)) };
  }
  return { ...UNKNOWN, beforeBirth };
}

/** A DT value: the day, the time in it if there is one, the offset. */
function dateTime(text: string): [string, string, string] {
  const [, day = "", time = "", zone = ""] = /^(\d{8})((?:\d{2}){0,3}(?:\.\d{1,6})?)([+-]\d{4})?$/.exec(text) ?? [];
  const clock = isoTime(time);
  return time && !clock ? ["", "", ""] : [isoDay(day), clock, offset(zone)];
}

function isExport(header: Header, at: string): boolean {
  const made = isoDay(header.text("x00080012"));
  const study = isoDay(header.text("x00080020"));
  if (!made || !study) return false;
  const madeAt = Date.parse(`${made}T${(isoTime(header.text("x00080013")) || at.slice(11)).slice(0, 12)}Z`);
  const here = Date.parse(`${at.slice(0, 23)}Z`);
  return Math.abs(madeAt - here) <= EXPORT_WITHIN && Date.parse(at.slice(0, 10)) - Date.parse(study) >= EXPORT_AFTER;
}

/** `+0100` as `+01:00`; "" if it is none. */
function offset(text: string): string {
  return /^[+-](?:0\d|1[0-4])[0-5]\d$/.test(text) ? `${text.slice(0, 3)}:${text.slice(3)}` : "";
}
