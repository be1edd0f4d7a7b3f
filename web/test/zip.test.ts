import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack } from "../src/lib/stack.ts";
import { distance, entries } from "../src/lib/zip.ts";

type Bytes = Uint8Array<ArrayBuffer>;
const text = new TextEncoder();

function entry(name: string, data: Bytes, { flags = 0, method = 0 } = {}): Bytes {
  const head = new DataView(new ArrayBuffer(30));
  head.setUint32(0, 0x04034b50, true);
  head.setUint16(6, flags, true);
  head.setUint16(8, method, true);
  head.setUint32(18, data.length, true);
  head.setUint32(22, data.length, true);
  head.setUint16(26, name.length, true);
  return join(new Uint8Array(head.buffer), text.encode(name), data);
}

function join(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

const END = join(new Uint8Array([0x50, 0x4b, 1, 2]), new Uint8Array(60));
const filled = (length: number, value: number): Bytes => new Uint8Array(length).fill(value);

function stream(bytes: Bytes, cut: () => number, onCancel = (): void => {}): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    pull(to) {
      if (at >= bytes.length) return to.close();
      const next = Math.min(at + cut(), bytes.length);
      to.enqueue(bytes.slice(at, next));
      at = next;
    },
    cancel: onCancel,
  });
}

async function read(from: ReadableStream<Bytes>): Promise<[string, number, number][]> {
  const found: [string, number, number][] = [];
  for await (const { name, data } of entries(from)) found.push([name, data.length, data[0] ?? -1]);
  return found;
}

test("entries come whole however the bytes are cut", async () => {
  const bytes = join(entry("index.json", filled(300, 1)), entry("0002.webp", filled(3_000_000, 2)), entry("0003.webp", filled(1, 3)), END);
  const wanted = [["index.json", 300, 1], ["0002.webp", 3_000_000, 2], ["0003.webp", 1, 3]];
  for (let seed = 1; seed <= 30; seed++) {
    let state = seed * 7919;
    const cut = (): number => 1 + ((state = (state * 16807) % 2147483647) % (seed % 3 ? 200_000 : 4_000_000));
    assert.deepEqual(await read(stream(bytes, cut)), wanted);
  }
});

test("a pack cut short is refused, wherever it is cut", async () => {
  const bytes = join(entry("index.json", filled(50, 1)), entry("0001.webp", filled(500, 2)));
  for (const length of [10, 35, 100, bytes.length - 1, bytes.length]) {
    await assert.rejects(read(stream(bytes.slice(0, length), () => 64)), /cut short/);
  }
});

test("a packed or streamed zip is refused", async () => {
  for (const wrong of [{ method: 8 }, { flags: 8 }, { flags: 1 }]) {
    await assert.rejects(read(stream(join(entry("a", filled(5, 1), wrong), END), () => 999)), /not a stored zip/);
  }
});

test("whoever stops reading stops the download", async () => {
  let cancelled = false;
  const endless = stream(join(...Array.from({ length: 50 }, (_, n) => entry(`${n}`, filled(1000, n)))), () => 500, () => (cancelled = true));
  for await (const { name } of entries(endless)) if (name === "3") break;
  assert.ok(cancelled);
});

const INDEX = { version: 1, count: 60, width: 4000, height: 1000, middle: 30, lossy: true, spacing_mm: null, localizer: null };

test("the middle is there first, memory stays bounded, and what is dropped is closed", async () => {
  const order = Array.from({ length: 60 }, (_, n) => (n % 2 ? 30 - (n + 1) / 2 : 30 + n / 2)).map((one) => (one + 60) % 60);
  const frames = order.map((slice) => ({ slice, name: `${slice}.webp`, line: null }));
  const bytes = join(
    entry("index.json", text.encode(JSON.stringify({ ...INDEX, frames })) as Bytes),
    ...frames.map(({ name, slice }) => entry(name, filled(100, slice))),
    END,
  );
  const [arrived, open] = [[] as (number | undefined)[], new Set<number>()];
  const decode = async (blob: Blob): Promise<ImageBitmap> => {
    const slice = new Uint8Array(await blob.arrayBuffer())[0]!;
    open.add(slice);
    return { close: () => void open.delete(slice) } as unknown as ImageBitmap;
  };
  const stack = new Stack(decode, (slice) => arrived.push(slice));
  await stack.read(stream(bytes, () => 333));
  assert.deepEqual(arrived.slice(0, 2), [undefined, 30]);
  assert.equal(stack.loaded, 60);
  assert.equal(stack.room, 11); // 180 MiB of 16 MB frames
  for (const slice of [30, 0, 59, 10, 20, 40, 50, 5, 15, 25, 35, 45, 55, 57]) await stack.frame(slice);
  assert.ok(open.size <= stack.room);
  assert.ok(stack.ready(57));
  stack.close();
  assert.equal(open.size, 0);
});

test("the nearest line is found, and a circle is a line too", () => {
  assert.equal(distance([5, 7], [0, 0, 10, 0]), 7);
  assert.equal(distance([13, 4], [0, 0, 10, 0]), 5);
  assert.equal(distance([3, 4], [0, 0, 2]), 3);
  assert.equal(distance([1, 1], [0, 0, 0, 0]), Math.SQRT2);
});
