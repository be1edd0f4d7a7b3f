/** The page's end of the hashing worker: slices in, hex SHA-256 out, two at a time so that memory stays flat. */

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

interface Question {
  readonly blob: Blob;
  readonly settle: (answer: HashAnswer) => void;
}

/** While one slice is hashed the next is read. */
const AT_ONCE = 2;

export class Hasher {
  private readonly urgent: Question[] = [];
  private readonly idle: Question[] = [];
  private readonly asked = new Map<number, Question>();
  private next = 0;

  constructor(private readonly port: HashPort) {
    port.addEventListener("message", ({ data }) => {
      const question = this.asked.get(data.id);
      this.asked.delete(data.id);
      question?.settle(data);
      this.feed();
    });
  }

  /**
   * `idle`: only when nothing else waits. What is about to be sent goes first.
   *
   * Raises FileChanged if the bytes can no longer be read.
   */
  hash(blob: Blob, { idle = false } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (answer: HashAnswer): void => ("error" in answer ? reject(new FileChanged(answer.error)) : resolve(answer.hex));
      (idle ? this.idle : this.urgent).push({ blob, settle });
      this.feed();
    });
  }

  private feed(): void {
    while (this.asked.size < AT_ONCE) {
      const question = this.urgent.shift() ?? this.idle.shift();
      if (!question) return;
      const id = this.next++;
      this.asked.set(id, question);
      this.port.postMessage({ id, blob: question.blob });
    }
  }
}
