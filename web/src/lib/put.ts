/** One PUT to the store with progress. XMLHttpRequest, because fetch has no upload progress. */
import { retryAfter } from "./retry.ts";

export interface PutAnswer {
  /** 0: no answer came. */
  readonly status: number;
  /** The store's own error code, e.g. BlobAlreadyExists; empty if there is none. */
  readonly code: string;
  readonly etag: string | null;
  readonly retryAfter: number | null;
}

export interface PutOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob;
  readonly onProgress: (bytes: number) => void;
  readonly signal: AbortSignal;
}

export type Put = (options: PutOptions) => Promise<PutAnswer>;

/** A request may take as long as it likes, but not stand still for longer than this. */
const STALL = 30_000;
const NOTHING: PutAnswer = { status: 0, code: "", etag: null, retryAfter: null };

export const put: Put = ({ url, headers, body, onProgress, signal }) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let stalled: ReturnType<typeof setTimeout>;
    const watch = (): void => {
      clearTimeout(stalled);
      stalled = setTimeout(() => request.abort(), STALL);
    };
    const stop = (): void => request.abort();
    const end = (settle: () => void): void => {
      clearTimeout(stalled);
      signal.removeEventListener("abort", stop);
      settle();
    };
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => {
      watch();
      onProgress(loaded);
    };
    request.onload = () => end(() => resolve(answerOf(request)));
    request.onerror = () => end(() => resolve(NOTHING));
    // Aborted by us: by the caller's signal for good, by the watchdog to be tried again.
    request.onabort = () => end(() => (signal.aborted ? reject(signal.reason) : resolve(NOTHING)));
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", stop);
    watch();
    request.send(body);
  });

function answerOf(request: XMLHttpRequest): PutAnswer {
  // Asking for one header that the store's CORS rule does not expose would be reported as an error: take those there are.
  const lines = request.getAllResponseHeaders().trim().split(/\r?\n/);
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
  return {
    status: request.status,
    code: headers.get("x-ms-error-code") ?? /<Code>(\w+)<\/Code>/.exec(request.responseText)?.[1] ?? "",
    etag: headers.get("etag") ?? null,
    retryAfter: retryAfter(headers.get("retry-after") ?? null),
  };
}
