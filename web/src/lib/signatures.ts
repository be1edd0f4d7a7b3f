/** What a file is, by its first bytes: as the service finds out after it was sent, so that neither says what the other denies. */

/** The file as far as it was read: its beginning, its whole size in bytes, and the ending of its name, in small letters. */
export interface Peek {
  readonly head: Uint8Array;
  readonly size: number;
  readonly ending: string;
}

/** `unsure`: more of the file would have to be read. */
export type Found = string | "unsure" | null;

const PREFIX = 128;
const DIRECTORY = "1.2.840.10008.1.3.10";
const MAGIC: readonly (readonly [string, string])[] = [
  ["\xff\xd8\xff", "jpeg"], ["\x89PNG\r\n\x1a\n", "png"], ["II*\0", "tiff"], ["MM\0*", "tiff"], ["II+\0\x08\0\0\0", "tiff"], ["MM\0+\0\x08\0\0", "tiff"],
  ["%PDF-", "pdf"], ["CMDb", "heidelberg_e2e"], ["E2EMultipleVolumeFile", "heidelberg_e2e"], ["FOCTFDA", "topcon_fda"], ["FOCTFDS", "topcon_fds"],
]; // prettier-ignore
const HEIC = new Set(["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]);
const MP4 = new Set(["isom", "iso2", "iso4", "iso5", "iso6", "mp41", "mp42", "avc1", "M4V ", "MSNV"]);
const BMP_HEADERS = new Set([12, 40, 52, 56, 64, 108, 124]);
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const SHORT = new Set(["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"]);
/** Starts of files that must never pass as one without a header. */
const FOREIGN = ["MZ", "\x7fELF", "PK", "\x1f\x8b", "Rar!", "7z\xbc\xaf", "#!", "GIF8", "8BPS", "\xfd7zXZ", "BZh", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"];

/** The kind of file that the contents are, by the service's name for it; null if they are nothing that it takes. */
export function sniff(peek: Peek): Found {
  const { head, size, ending } = peek;
  if (hasPrefix(head)) return "dicom";
  const known = MAGIC.find(([magic]) => starts(head, magic));
  if (known) return known[1];
  if (starts(head, "RIFF") && text(head, 8, 12) === "WEBP") return "webp";
  if (starts(head, "BM") && number(head, 6, 4) === 0 && BMP_HEADERS.has(number(head, 14, 4))) return "bmp";
  if (text(head, 4, 8) === "ftyp") return HEIC.has(text(head, 8, 12)) ? "heic" : MP4.has(text(head, 8, 12)) ? "mp4" : null;
  if (/^HSF-OCT-\d{3}/.test(text(head, 0, 11))) return "heidelberg_vol";
  if (starts(head, "ep-v")) return head.length >= 2048 && [12, 16, 20].every((at) => number(head, at, 4) > 0 && number(head, at, 4) <= 65_535) ? "heidelberg_vol" : null;
  if (/^(?:<\?xml[^]*?\?>\s*)?<HEDX[> \r\n]/.test(text(head, 0, 4096).replace(/^\xef\xbb\xbf/, "").trimStart())) return "heyex_xml";
  if (withoutPrefix(head, size)) return "dicom";
  if (number(head, 6, 4) === 11 && text(head, 10, 21) === "FRAMEHEADER") return "oct";
  // Bare numbers in the middle of the file decide whether it is one of these.
  if (ending === "oct" && size % 4 === 0 && size >= 1 << 20 && isRaw(head)) return "unsure";
  return ending === "img" && (size % (1024 * 512) === 0 || size % (1024 * 200) === 0) && isRaw(head) ? "cirrus_img" : null;
}

/** Why the service would refuse what stands in this beginning, as its code; null if that cannot be known from it. */
export function fault(kind: string, peek: Peek): string | null {
  const { head, size } = peek;
  if (kind === "jpeg") return jpegFault(peek);
  if (kind === "png") return pngFault(peek);
  if (kind === "webp") return 8 + number(head, 4, 4) > size ? "truncated" : null;
  if (kind === "bmp") return size < 14 + Math.min(number(head, 14, 4), 40) ? "truncated" : null;
  if (kind === "heidelberg_vol") return size < 2048 ? "truncated" : null;
  if (kind !== "dicom") return null;
  if (hasPrefix(head) && !head.subarray(0, PREFIX).every((byte) => byte === 0) && !starts(head, "II*\0") && !starts(head, "MM\0*")) return "preamble";
  return isDirectory(head, size) ? "fileset" : null;
}

/** The way from the start of a JPEG to its frame header, as far as it was read. Source: ITU-T T.81 annex B. */
function jpegFault({ head, size }: Peek): string | null {
  for (let at = 2; ; ) {
    if (at + 1 >= size) return "truncated";
    if (at + 1 >= head.length) return null;
    const marker = head[at + 1]!;
    if (head[at] !== 0xff || marker === 0) return "decode";
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda || marker === 0xd8 || marker === 1 || (marker >= 0xd0 && marker <= 0xd7)) return "decode";
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return null;
    if (at + 3 >= size) return "truncated";
    if (at + 3 >= head.length) return null;
    const length = (head[at + 2]! << 8) | head[at + 3]!;
    if (length < 2) return "decode";
    at += 2 + length;
    if (at > size) return "truncated";
  }
}

/** Source: PNG specification, third edition, section 5. */
function pngFault({ head, size }: Peek): string | null {
  if (size < 16) return "truncated";
  if (text(head, 12, 16) !== "IHDR") return "decode";
  return size < 29 ? "truncated" : null;
}

const hasPrefix = (head: Uint8Array): boolean => text(head, PREFIX, PREFIX + 4) === "DICM";

interface Element {
  readonly group: number;
  readonly number: number;
  readonly value: string;
}

/** How the elements of a DICOM file without preamble are written: the first three can be believed, from group 0002 or 0008; else null. */
export function withoutPrefix(head: Uint8Array, size: number): "explicit" | "implicit" | null {
  const written = (["explicit", "implicit"] as const).find((way) => {
    const found = elements(head.subarray(0, 4096), 0, size, way === "explicit", 3);
    const tags = found.map(({ group, number: tag }) => group * 65_536 + tag);
    return found.length === 3 && [2, 8].includes(found[0]!.group) && tags.every((tag, index) => index === 0 || tag > tags[index - 1]!);
  });
  return written ?? null;
}

function isDirectory(head: Uint8Array, size: number): boolean {
  for (const { group, number: tag, value } of elements(head.subarray(0, 4096), hasPrefix(head) ? PREFIX + 4 : 0, size, true, Infinity)) {
    if (group === 2 && tag === 2) return value.replace(/[\0 ]+$/, "") === DIRECTORY;
    if (group === 4) return true;
  }
  return false;
}

/** Little-endian elements, until one cannot be believed. Source: DICOM PS3.5 section 7.1. */
function elements(head: Uint8Array, start: number, size: number, explicit: boolean, most: number): Element[] {
  const found: Element[] = [];
  for (let at = start; at + 8 <= head.length && found.length < most; ) {
    const kind = text(head, at + 4, at + 6);
    let [from, length] = [at + 8, NaN];
    if (!explicit) length = number(head, at + 4, 4);
    else if (SHORT.has(kind)) length = number(head, at + 6, 2);
    else if (LONG.has(kind) && at + 12 <= head.length) [from, length] = [at + 12, number(head, at + 8, 4)];
    if (Number.isNaN(length) || length === 0xffff_ffff || from + length > size) return found;
    found.push({ group: number(head, at, 2), number: number(head, at + 2, 2), value: text(head, from, from + length) });
    at = from + length;
  }
  return found;
}

/** Looks like bare numbers: not text, and not a program, archive or picture. */
function isRaw(head: Uint8Array): boolean {
  return !FOREIGN.some((magic) => starts(head, magic)) && head.subarray(0, 1024).some((byte) => byte < 9 || byte > 126);
}

const starts = (bytes: Uint8Array, magic: string): boolean => text(bytes, 0, magic.length) === magic;

function text(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, Math.min(to, from + 65_536)));
}

/** An unsigned little-endian number; NaN where the bytes end before it does. */
function number(bytes: Uint8Array, at: number, length: number): number {
  if (at + length > bytes.length) return NaN;
  return bytes.subarray(at, at + length).reduceRight((sum, byte) => sum * 256 + byte, 0);
}
