/** Which files can be refused before a byte is sent: by their name's ending, their size, and their first bytes. */

/** Files that systems and cameras leave lying about. */
const SYSTEM = /^(\.|~\$|thumbs\.db$|desktop\.ini$|autorun\.inf$)/i;

export const isSystemFile = (name: string): boolean => SYSTEM.test(name);

/** What the service takes: the largest file in bytes, and the endings of names. DICOM files often have none at all. */
export interface Taken {
  readonly most: number;
  readonly endings: ReadonlySet<string>;
}

/** Why this file cannot be stored, or null if that cannot be known here. */
export function refusal(name: string, size: number, { most, endings }: Taken): string | null {
  if (size === 0) return "The file is empty.";
  if (size > most) return "The file is larger than this service takes.";
  if (name.toUpperCase() === "DICOMDIR") return "This is a DICOM directory, not a picture. Add the pictures it lists.";
  const ending = /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase();
  if (ending !== undefined && !/^\d+$/.test(ending) && !endings.has(ending)) return `.${ending} files are not stored here.`;
  return null;
}

/** The media type that the first bytes promise, for what a browser can draw; null for all else. */
export function drawable(head: Uint8Array): string | null {
  const starts = (...magic: number[]): boolean => magic.every((byte, index) => head[index] === byte);
  if (starts(0xff, 0xd8, 0xff)) return "image/jpeg";
  if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return "image/png";
  if (starts(0x52, 0x49, 0x46, 0x46) && head[8] === 0x57 && head[9] === 0x45) return "image/webp";
  if (starts(0x42, 0x4d)) return "image/bmp";
  return null;
}
