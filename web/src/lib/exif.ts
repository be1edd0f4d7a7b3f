/** When a camera took a JPEG: DateTimeOriginal (0x9003) with its offset (0x9011). Source: Exif 2.32, 4.6. */
import { type Captured, type Clock, UNKNOWN, believed, isoTime, realDay } from "./believed.ts";
import { line } from "./facts.ts";

const EXIF_IFD = 0x8769;
const ORIGINAL = 0x9003;
const OFFSET = 0x9011;

export function readExif(head: Uint8Array, clock: Clock): Captured {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const tiff = findTiff(view);
  if (tiff === null) return UNKNOWN;
  const little = view.getUint16(tiff) === 0x4949;
  const entries = (at: number): Map<number, number> => {
    const found = new Map<number, number>();
    const count = view.getUint16(tiff + at, little);
    for (let index = 0; index < count; index++) {
      const entry = tiff + at + 2 + 12 * index;
      found.set(view.getUint16(entry, little), entry);
    }
    return found;
  };
  const sub = entries(view.getUint32(tiff + 4, little)).get(EXIF_IFD);
  if (sub === undefined) return UNKNOWN;
  const fields = entries(view.getUint32(sub + 8, little));
  const ascii = (tag: number): string => {
    const entry = fields.get(tag);
    if (entry === undefined || view.getUint16(entry + 2, little) !== 2) return "";
    const length = view.getUint32(entry + 4, little);
    const at = length > 4 ? tiff + view.getUint32(entry + 8, little) : entry + 8;
    return line(String.fromCharCode(...head.subarray(at, at + Math.min(length, 40))));
  };
  return captured(ascii(ORIGINAL), ascii(OFFSET), clock);
}

function captured(when: string, zone: string, clock: Clock): Captured {
  const [, year, month, date, time] = /^(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d:\d\d:\d\d)$/.exec(when) ?? [];
  const day = year ? realDay(`${year}-${month}-${date}`) : "";
  // A second of 60 is a clock gone wrong here, and no leap second.
  const clocked = time && time.slice(6) <= "59" ? isoTime(time) : "";
  const offset = /^[+-](?:0\d|1[0-4]):[0-5]\d$/.test(zone) ? zone : "";
  return (day && clocked && believed({ at: `${day}T${clocked}`, offset }, "exif", clock)) || UNKNOWN;
}

/** Where the TIFF structure of the Exif segment begins. */
function findTiff(view: DataView): number | null {
  for (let at = 2; at + 4 < view.byteLength && view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xda) return null;
    if (marker === 0xe1 && view.getUint32(at + 4) === 0x45786966) return at + 10;
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}
