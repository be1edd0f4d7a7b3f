/** Speed and time left, from what moved in the last seconds: an average over all time is always wrong. */

const WINDOW = 20_000;
/** Before this there is nothing to say that people would believe. */
const FIRST = 5_000;

export class Eta {
  private readonly samples: { at: number; bytes: number }[] = [];

  /** `bytes` moved in all by `at`, in milliseconds of a monotonic clock. */
  note(at: number, bytes: number): void {
    this.samples.push({ at, bytes });
    while (this.samples.length > 2 && this.samples[1]!.at <= at - WINDOW) this.samples.shift();
  }

  /** After a pause the time before it says nothing. */
  reset(): void {
    this.samples.length = 0;
  }

  /** Bytes a second, or null in the first seconds. */
  get speed(): number | null {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last.at - first.at < FIRST) return null;
    return Math.max(0, ((last.bytes - first.bytes) / (last.at - first.at)) * 1000);
  }

  /** Seconds until `rest` bytes have moved; null if that cannot be said. */
  left(rest: number): number | null {
    const speed = this.speed;
    return speed ? rest / speed : null;
  }
}

/** "less than a minute", "4 minutes", "1 hour 20 minutes". */
export function duration(seconds: number): string {
  if (seconds < 55) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  const unit = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
  if (minutes < 60) return unit(minutes, "minute");
  const rest = Math.round((minutes % 60) / 10) * 10;
  const hours = Math.floor(minutes / 60) + (rest === 60 ? 1 : 0);
  return rest % 60 === 0 ? unit(hours, "hour") : `${unit(hours, "hour")} ${unit(rest, "minute")}`;
}
