/** The frames of one stack: fetched once, decoded near where somebody looks, within a bound of memory. */
import { type Index, entries } from "./zip.ts";

/** Decoded pixels kept at a time by all stacks of a page, in bytes: four for each pixel. */
const MOST_BYTES = 180 * 2 ** 20;

export class Stack {
  index: Index | undefined;
  private readonly encoded = new Map<number, Blob>();
  private readonly decoded = new Map<number, ImageBitmap>();
  private readonly names = new Map<string, number>();
  private readonly working = new Map<number, Promise<ImageBitmap | undefined>>();
  private near = 0;
  private ended = false;

  /** `arrived` is called for the index, and for each frame; `sharing`: how many stacks the page has. */
  constructor(
    private readonly decode: (blob: Blob) => Promise<ImageBitmap>,
    private readonly arrived: (slice: number | undefined) => void,
    private readonly sharing = 1,
  ) {}

  get count(): number {
    return this.index?.count ?? 0;
  }

  get loaded(): number {
    return this.encoded.size;
  }

  async read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const { name, data } of entries(stream)) {
      if (this.ended) return;
      if (!this.index) {
        this.index = JSON.parse(new TextDecoder().decode(data)) as Index;
        for (const frame of this.index.frames) this.names.set(frame.name, frame.slice);
        this.near = this.index.middle;
        this.arrived(undefined);
        continue;
      }
      const slice = this.names.get(name);
      if (slice === undefined) throw new Error("a frame that the index does not name");
      this.encoded.set(slice, new Blob([data], { type: "image/webp" }));
      this.arrived(slice);
    }
  }

  /** The picture of a slice if it is decoded; else it will be, and `frame` waits for it. */
  ready(slice: number): ImageBitmap | undefined {
    this.near = slice;
    return this.decoded.get(slice);
  }

  async frame(slice: number): Promise<ImageBitmap | undefined> {
    const known = this.ready(slice) ?? this.working.get(slice);
    const blob = this.encoded.get(slice);
    if (known || !blob) return known;
    const work = this.decode(blob).then((bitmap) => this.keep(slice, bitmap));
    this.working.set(slice, work);
    return work.finally(() => this.working.delete(slice));
  }

  /** Decode what lies around a slice, nearest first, so that the next steps cost nothing. */
  async warm(slice: number, reach: number): Promise<void> {
    for (let away = 1; away <= reach && this.near === slice && !this.ended; away++) {
      for (const one of [slice + away, slice - away]) {
        if (this.encoded.has(one) && !this.decoded.has(one) && this.near === slice) {
          await this.frame(one);
          this.near = slice;
        }
      }
    }
  }

  /** Slices that may be decoded at once. */
  get room(): number {
    return Math.max(3, Math.floor(MOST_BYTES / Math.max(this.sharing, 1) / (4 * (this.index?.width ?? 1) * (this.index?.height ?? 1))));
  }

  close(): void {
    this.ended = true;
    for (const bitmap of this.decoded.values()) bitmap.close();
    this.decoded.clear();
    this.encoded.clear();
  }

  private keep(slice: number, bitmap: ImageBitmap): ImageBitmap | undefined {
    if (this.ended) {
      bitmap.close();
      return undefined;
    }
    this.decoded.set(slice, bitmap);
    while (this.decoded.size > this.room) {
      const farthest = [...this.decoded.keys()].reduce((a, b) => (Math.abs(b - this.near) > Math.abs(a - this.near) ? b : a));
      this.decoded.get(farthest)?.close();
      this.decoded.delete(farthest);
    }
    return bitmap;
  }
}
