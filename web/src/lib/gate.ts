/** Whether bytes may move. Closed while any reason stands: a person paused, the browser is offline. */
export class Gate {
  private readonly reasons = new Set<string>();
  private waiting: (() => void)[] = [];
  private breaker = new AbortController();

  get closed(): boolean {
    return this.reasons.size > 0;
  }

  /** Aborted when the gate closes: what is in flight then is broken off, and costs nobody an attempt. */
  get signal(): AbortSignal {
    return this.breaker.signal;
  }

  close(reason: string): void {
    this.reasons.add(reason);
    this.breaker.abort();
  }

  open(reason: string): void {
    if (!this.reasons.delete(reason) || this.closed) return;
    this.breaker = new AbortController();
    for (const go of this.waiting.splice(0)) go();
  }

  /** Resolves while the gate is open. Raises the signal's reason. */
  async passed(signal?: AbortSignal): Promise<void> {
    while (this.closed) {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
      signal?.throwIfAborted();
    }
  }
}
