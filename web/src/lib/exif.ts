/** When a camera took a JPEG: DateTimeOriginal (0x9003) with its offset (0x9011). Source: Exif 2.32, 4.6. */
import { isoMoment } from "./facts.ts";

const EXIF_IFD = 0x8769;
const ORIGINAL = 0x9003;
const OFFSET = 0x9011;

export function readExif(head: Uint8Array): string | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const tiff = findTiff(view);
  if (tiff === null) return null;
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
  if (sub === undefined) return null;
  const fields = entries(view.getUint32(sub + 8, little));
  const ascii = (tag: number): string => {
    const entry = fields.get(tag);
    if (entry === undefined || view.getUint16(entry + 2, little) !== 2) return "";
    const length = view.getUint32(entry + 4, little);
    const at = length > 4 ? tiff + view.getUint32(entry + 8, little) : entry + 8;
    return String.fromCharCode(...head.subarray(at, at + Math.min(length, 40))).replace(/\0.*$/s, "");
  };
  const [day = "", time = ""] = ascii(ORIGINAL).split(" ");
  const moment = isoMoment(day, time);
  const offset = /^[+-]\d\d:\d\d$/.exec(ascii(OFFSET))?.[0] ?? "";
  return moment?.includes("T") ? moment + offset : moment;
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
