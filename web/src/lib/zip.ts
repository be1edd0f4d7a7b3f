/** `frames.zip`: a stored ZIP, read while its bytes arrive. */

export interface Entry {
  readonly name: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Entries of a stored ZIP, in order. Throws if it is another kind of ZIP, or cut short. */
export async function* entries(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Entry> {
  const reader = stream.getReader();
  let buffer = new Uint8Array(1 << 20);
  let [start, end] = [0, 0]; // unread bytes are buffer[start..end)
  const need = async (count: number): Promise<boolean> => {
    while (end - start < count) {
      const { done, value } = await reader.read();
      if (done) return false;
      if (end + value.length > buffer.length) {
        // Move the unread rest to the front, and grow if that is not enough.
        const wanted = end - start + Math.max(value.length, count);
        const next = wanted > buffer.length ? new Uint8Array(2 * wanted) : buffer;
        next.set(buffer.subarray(start, end));
        [buffer, end, start] = [next, end - start, 0];
      }
      buffer.set(value, end);
      end += value.length;
    }
    return true;
  };
  try {
    while (await need(30)) {
      const head = new DataView(buffer.buffer, start, 30);
      if (head.getUint32(0, true) !== 0x04034b50) return; // the directory: every entry has been read
      const [size, name, extra] = [head.getUint32(18, true), head.getUint16(26, true), head.getUint16(28, true)];
      if (head.getUint16(6, true) & 9 || head.getUint16(8, true) || size === 0xffffffff) throw new Error("not a stored zip");
      if (!(await need(30 + name + extra + size))) break;
      const at = start + 30;
      const from = at + name + extra;
      yield { name: new TextDecoder().decode(buffer.subarray(at, at + name)), data: buffer.slice(from, from + size) };
      start = from + size;
    }
    throw new Error("zip cut short");
  } finally {
    // Whoever stops reading stops the download too.
    await reader.cancel().catch(() => undefined);
  }
}

/** [x0, y0, x1, y1], or of a circle [x, y, radius], in pixels of the localizer. */
export type Line = readonly number[];

export interface Index {
  readonly version: number;
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly middle: number;
  readonly lossy: boolean;
  readonly spacing_mm: readonly [number, number] | null;
  readonly localizer: { readonly width: number; readonly height: number } | null;
  readonly frames: readonly { readonly slice: number; readonly name: string; readonly line: Line | null }[];
}

/** How far a point of the localizer is from a line on it. */
export function distance([x, y]: readonly [number, number], line: Line): number {
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = line;
  if (line.length === 3) return Math.abs(Math.hypot(x - x0, y - y0) - x1);
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = Math.min(Math.max(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1), 0), 1);
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}
