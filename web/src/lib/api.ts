/** The broker's JSON API as the pages use it. Every answer that is not 2xx is thrown as a `Problem`. */
import type { Seen } from "./opened.ts";
import { retryAfter } from "./retry.ts";

export interface BlockPlan {
  readonly size: number;
  readonly count: number;
}

/** The key to send one file; `expires_in` is counted in seconds from the answer, so the local clock does not matter. */
export interface Grant {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_in: number;
  readonly blocks: BlockPlan | null;
}

export interface Declaration {
  readonly ref: string;
  readonly filename: string;
  readonly size: number;
  readonly media_type?: string;
  readonly eye?: string;
  readonly kind?: string;
  readonly captured_at?: string;
  readonly digest?: string;
  /** Send it although the very bytes are stored for this patient already. */
  readonly again?: boolean;
}

export interface Batch {
  readonly batch: string;
  readonly patient: string;
  readonly note?: string;
  readonly urgent?: boolean;
  readonly files: readonly Declaration[];
}

export interface Declared {
  readonly ref: string;
  readonly id: string;
  readonly state: State;
  readonly grant: Grant | null;
  /** The upload that has the very bytes for this patient: then nothing is to be sent, unless that was asked for. */
  readonly duplicate_of: string | null;
  readonly stored_elsewhere: boolean;
  readonly reason: string | null;
  /** What staff read about this state, made by the server. */
  readonly sentence: string;
}

export type State = "pending" | "received" | "verifying" | "stored" | "rejected" | "expired" | "missing";

export interface Upload {
  readonly id: string;
  readonly ref: string;
  readonly state: State;
  /** What staff read about this state, made by the server. */
  readonly sentence: string;
  /** Why it was not stored, as a code. */
  readonly reason: string | null;
  readonly scans: readonly string[];
}

/** An upload that still waits for bytes, with what of it has arrived. */
export interface Begun extends Upload {
  readonly batch: string;
  readonly patient: string;
  readonly filename: string;
  readonly size: number;
  readonly eye: string;
  readonly kind: string;
  readonly captured_at: string | null;
  readonly digest: string | null;
  readonly blocks?: readonly { readonly index: number; readonly digest: string; readonly size: number }[];
}

export interface Completion {
  readonly id: string;
  readonly digest?: string;
  readonly etag?: string;
  readonly blocks?: readonly string[];
}

interface ProblemBody {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly status?: number;
  readonly errors?: unknown;
  readonly [member: string]: unknown;
}

export type OrProblem<T> = T | { readonly id: string; readonly problem: ProblemBody };

/** An RFC 9457 answer. `slug` is the last part of its type; status 0 means that no answer came at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    readonly title: string,
    readonly detail: string,
    readonly members: ProblemBody = {},
    /** Seconds that the service asks to wait, if it does. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail || title);
  }

  static from(body: ProblemBody, status = 0, retryAfter: number | null = null): Problem {
    const slug = String(body.type ?? "").split("/").pop() || "internal";
    return new Problem(body.status ?? status, slug, body.title ?? "Something went wrong", body.detail ?? "", body, retryAfter);
  }
}

/** How many records were shown of a scan: what was said since is not overruled. */
export interface Told {
  readonly id: string;
  readonly records: number;
}

export class Api {
  constructor(
    private readonly fetcher: typeof fetch = (...args) => fetch(...args),
    private readonly base = "/api/v1",
  ) {}

  async declare(batch: Batch): Promise<Declared[]> {
    return (await this.call<{ uploads: Declared[] }>("POST", "/uploads", batch)).uploads;
  }

  async grants(ids: readonly string[]): Promise<OrProblem<{ id: string; grant: Grant }>[]> {
    return (await this.call<{ grants: OrProblem<{ id: string; grant: Grant }>[] }>("POST", "/uploads/grants", { ids })).grants;
  }

  async complete(items: readonly Completion[]): Promise<OrProblem<Upload>[]> {
    return (await this.call<{ uploads: OrProblem<Upload>[] }>("POST", "/uploads/complete", { items })).uploads;
  }

  async abandon(id: string): Promise<void> {
    await this.call("DELETE", `/uploads/${id}`);
  }

  /** How these of one's own stand, and no word about a patient; at most a hundred, or the address grows too long. */
  async uploads(ids: readonly string[]): Promise<Upload[]> {
    return (await this.call<{ uploads: Upload[] }>("GET", `/uploads?fields=state&ids=${ids.join(",")}`)).uploads;
  }

  /** Everything of this account that still waits for bytes, oldest first. */
  async open(): Promise<Begun[]> {
    const all: Begun[] = [];
    let after: string | null = null;
    do {
      const query: string = `mine=true&state=pending${after ? `&after=${after}` : ""}`;
      const page: { uploads: Begun[]; next: string | null } = await this.call("GET", `/uploads?${query}`);
      all.push(...page.uploads);
      after = page.next;
    } while (after);
    return all.reverse();
  }

  async patient(id: string): Promise<{ id: string; name: string; birth_date: string; mrn: string; issuer: string }> {
    return this.call("GET", `/patients/${id}`);
  }

  /** One upload, with the blocks of it that have arrived. */
  async begun(id: string): Promise<Begun> {
    return this.call("GET", `/uploads/${id}`);
  }

  /** When a worker last lived, and the service's own time, in milliseconds; null if it does not say. */
  async heartbeat(): Promise<{ worker: number | null; now: number | null }> {
    const answer = await this.fetcher(`${this.base}/health`, { credentials: "same-origin", cache: "no-store" });
    const { worker } = (await answer.json()) as { worker?: string | null };
    const date = Date.parse(answer.headers.get("date") ?? "");
    return { worker: worker ? Date.parse(worker) : null, now: Number.isNaN(date) ? null : date };
  }

  /** Fresh links to one rendition of several scans, by scan id. */
  async links(ids: readonly string[], rendition: string): Promise<Map<string, string>> {
    const { links } = await this.call<{ links: { id: string; url?: string }[] }>("POST", "/scans/links", { ids, rendition });
    return new Map(links.flatMap(({ id, url }) => (url ? [[id, url] as const] : [])));
  }

  async original(id: string): Promise<string> {
    const { link } = await this.call<{ link: string | { url: string } }>("POST", `/scans/${id}/original`, {});
    return typeof link === "string" ? link : link.url;
  }

  /** Correct scans; `act` is made by the caller, so that a retry is the same act. */
  async correct(act: string, scans: readonly string[], set: Readonly<Record<string, string>>, reason: string, seen: readonly Told[] = []): Promise<void> {
    await this.call("POST", "/corrections", { id: act, scans, set, reason, seen });
  }

  async withdraw(act: string, scans: readonly string[], reason: string, seen: readonly Told[] = []): Promise<void> {
    await this.call("POST", "/withdrawals", { id: act, scans, reason, seen });
  }

  /** Keep what was shown to this account, and get what it has seen of these by now; `last`: the page is being left. */
  async opened(seen: readonly Seen[], last = false): Promise<Seen[]> {
    return (await this.call<{ scans: Seen[] }>("POST", "/scans/opened", { scans: seen }, last)).scans;
  }

  private async call<T>(method: string, path: string, body?: unknown, keepalive = false): Promise<T> {
    const answer = await this.fetcher(this.base + path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      keepalive,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new Problem(0, "no-answer", "No answer", "This computer cannot reach the service just now.");
    });
    const json: unknown = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Problem.from(json as ProblemBody, answer.status, retryAfter(answer.headers.get("retry-after")));
    return json as T;
  }
}
