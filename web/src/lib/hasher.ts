/** The page's end of the hashing worker: slices in, hex SHA-256 out, one at a time so that memory stays flat. */

export interface HashQuestion {
  readonly id: number;
  readonly blob: Blob;
}

export type HashAnswer = { readonly id: number; readonly hex: string } | { readonly id: number; readonly error: string };

/** The part of `Worker` that is needed. */
export interface HashPort {
  postMessage(question: HashQuestion): void;
  addEventListener(type: "message", listener: (event: { data: HashAnswer }) => void): void;
}

/** The file on disk is not what it was when it was chosen. */
export class FileChanged extends Error {}

export class Hasher {
  private tail: Promise<unknown> = Promise.resolve();
  private readonly waiting = new Map<number, (answer: HashAnswer) => void>();
  private next = 0;

  constructor(private readonly port: HashPort) {
    port.addEventListener("message", ({ data }) => {
      this.waiting.get(data.id)?.(data);
      this.waiting.delete(data.id);
    });
  }

  /** Raises FileChanged if the bytes can no longer be read. */
  hash(blob: Blob): Promise<string> {
    const result = this.tail.then(() => this.ask(blob));
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async ask(blob: Blob): Promise<string> {
    const id = this.next++;
    const answer = await new Promise<HashAnswer>((resolve) => {
      this.waiting.set(id, resolve);
      this.port.postMessage({ id, blob });
    });
    if ("error" in answer) throw new FileChanged(answer.error);
    return answer.hex;
  }
}
