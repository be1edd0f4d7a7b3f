/**
 * What this browser keeps so that sending goes on after a restart: for each batch, the folder or files that were
 * dropped, as opaque handles. No name, no patient, no link is written here, and another account finds nothing.
 */

const STORE = "batches";
const PREFIX = "uploads-";
/** Days after which the service has given the rest up. */
const DAYS = 7;

export interface Kept {
  readonly batch: string;
  readonly handles: readonly FileSystemHandle[];
  readonly at: number;
}

export class Keep {
  private readonly opened: Promise<IDBDatabase | null>;

  constructor(private readonly account: string) {
    this.opened = this.open().catch(() => null);
  }

  /** A browser that keeps nothing only has to be shown the folder again. */
  async put(batch: string, handles: readonly FileSystemHandle[]): Promise<void> {
    if (handles.length > 0) await this.act("readwrite", (store) => store.put({ batch, handles, at: Date.now() })).catch(() => undefined);
  }

  async all(): Promise<readonly Kept[]> {
    const found = ((await this.act("readonly", (store) => store.getAll()).catch(() => null)) ?? []) as Kept[];
    const old = found.filter(({ at }) => Date.now() - at > DAYS * 86_400_000);
    for (const { batch } of old) await this.drop(batch);
    return found.filter((one) => !old.includes(one));
  }

  async drop(batch: string): Promise<void> {
    await this.act("readwrite", (store) => store.delete(batch)).catch(() => undefined);
  }

  /** Nothing of anybody is left. */
  static async purge(but = ""): Promise<void> {
    const known = (await indexedDB.databases?.().catch(() => [])) ?? [];
    for (const { name } of known) if (name?.startsWith(PREFIX) && name !== PREFIX + but) indexedDB.deleteDatabase(name);
  }

  private async open(): Promise<IDBDatabase> {
    await Keep.purge(this.account);
    const request = indexedDB.open(PREFIX + this.account, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "batch" });
    const database = await answered(request);
    // A purge in another tab must not wait for this one.
    database.onversionchange = () => database.close();
    return database;
  }

  private async act<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
    const database = await this.opened;
    return database ? answered(work(database.transaction(STORE, mode).objectStore(STORE))) : null;
  }
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
