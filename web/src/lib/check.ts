/** Why uploads would not work from here, found out before somebody tries: a PUT without a key must be refused, readably. */

export interface Finding {
  /** For IT, and for the tests. */
  readonly code: "E-HOST" | "E-CORS" | "E-CLOCK";
  readonly text: string;
}

/** A clock that is further off than this, in milliseconds, breaks certificates and confuses people. */
const SKEW = 5 * 60_000;

/**
 * Asks the store. Null: everything is well, or there is no line at all, which the page says by itself.
 *
 * `probe` is an address in the store for which nobody has a key.
 */
export async function checkStore(probe: string, page: string, fetcher: typeof fetch = (...args) => fetch(...args)): Promise<Finding | null> {
  const options = { cache: "no-store", credentials: "omit" } as const;
  try {
    // As a real upload asks: with the header that makes browsers ask the store for permission first.
    await fetcher(probe, { ...options, method: "PUT", headers: { "x-ms-blob-type": "BlockBlob" }, body: "" });
    return null;
  } catch {
    const host = new URL(probe).host;
    try {
      await fetcher(probe, { ...options, mode: "no-cors" });
    } catch {
      return { code: "E-HOST", text: `This computer cannot reach the image storage. Ask IT to allow https to ${host} (E-HOST).` };
    }
    return { code: "E-CORS", text: `The image storage does not take files from this address. Ask IT to add ${page} to the CORS rule of ${host} (E-CORS).` };
  }
}

/** Compares this computer's clock with the service's. Links do not depend on it, so it is only a remark. */
export function checkClock(service: number | null, here: number): Finding | null {
  if (service === null || Math.abs(here - service) < SKEW) return null;
  const minutes = Math.round(Math.abs(here - service) / 60_000);
  return { code: "E-CLOCK", text: `The clock of this computer is ${minutes} minutes ${here > service ? "fast" : "slow"}. Uploads work, but ask IT to set it (E-CLOCK).` };
}

/** Milliseconds without a sign of life after which checking has stopped. */
const SILENT = 60_000;

/** Since when nothing has been checked, or null while all is well. */
export function stopped({ worker, now }: { worker: number | null; now: number | null }): Date | null {
  return worker !== null && now !== null && now - worker > SILENT ? new Date(worker) : null;
}
