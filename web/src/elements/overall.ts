/** Everything that is sent from this page together: how far, how fast, how long, and pause. */
import { NOTHING, add, mayClear } from "../lib/clear.ts";
import { Eta, duration } from "../lib/eta.ts";
import type { Gate } from "../lib/gate.ts";
import { bytes, files } from "../lib/text.ts";
import { type BatchCard, showAnswer } from "./batch-card.ts";
import { part, setText } from "./parts.ts";

/** Screen readers hear progress at most this often, in milliseconds. */
const ANNOUNCE = 10_000;
/** Milliseconds between two looks at the speed. */
const TICK = 500;
const PAUSED = "paused by a person";

export class Overall {
  private readonly cards: BatchCard[] = [];
  private readonly eta = new Eta();
  private announced = -ANNOUNCE;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private paused = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly gate: Gate,
    private readonly say: (text: string) => void,
  ) {
    part(root, "[data-pause]").addEventListener("click", () => this.pause());
    part(root, "[data-retry-all]").addEventListener("click", () => this.cards.forEach(({ batch }) => batch.retry()));
  }

  get any(): boolean {
    return this.cards.length > 0;
  }

  get moving(): boolean {
    return this.cards.some(({ batch }) => batch.moving);
  }

  add(card: BatchCard): void {
    this.cards.push(card);
    const sent = part(this.root, "[data-sent]");
    sent.hidden = false;
    part(sent, "[data-overall]").after(card.element);
    this.changed();
    this.ticking ??= setInterval(() => this.tick(), TICK);
    this.tick();
  }

  /** Some batch was painted anew. */
  changed(): void {
    // At the top of the page, where whoever has sent looks next: nobody has to scroll, or to add up several answers.
    const sums = this.cards.map((card) => card.sums).reduce(add, NOTHING);
    showAnswer(this.root, part(this.root, "[data-answer]"), mayClear(sums));
    if (!this.ticking && this.moving) this.ticking = setInterval(() => this.tick(), TICK);
  }

  private tick(): void {
    const sums = { sent: 0, total: 0, done: 0, count: 0, failed: 0 };
    for (const { progress } of this.cards) for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += progress[key];
    if (this.gate.closed) this.eta.reset();
    else this.eta.note(performance.now(), sums.sent);
    const moving = this.moving;
    part(this.root, "[data-overall]").hidden = !moving && sums.failed === 0;
    part(this.root, "[data-retry-all]").hidden = sums.failed === 0;
    part(this.root, "[data-pause]").hidden = !moving;
    part<HTMLProgressElement>(this.root, "[data-overall] progress").value = sums.total ? sums.sent / sums.total : 1;
    setText(this.root, "[data-overall-text]", [`${sums.done} of ${files(sums.count)} sent`, `${bytes(sums.sent)} of ${bytes(sums.total)}`, ...this.pace(sums.total - sums.sent)].join(" · "));
    this.announce(sums, moving);
    if (moving) return;
    clearInterval(this.ticking);
    this.ticking = undefined;
    this.eta.reset();
  }

  private pace(rest: number): string[] {
    if (this.paused) return ["paused"];
    if (this.gate.closed) return ["no network: it goes on by itself"];
    const { speed } = this.eta;
    const left = this.eta.left(rest);
    return speed && left !== null && rest > 0 ? [`${bytes(Math.round(speed))}/s`, `${duration(left)} left`] : [];
  }

  private announce({ done, count }: { done: number; count: number }, moving: boolean): void {
    if (moving && performance.now() - this.announced < ANNOUNCE) return;
    this.announced = performance.now();
    this.say(`${done} of ${files(count)} sent.`);
  }

  private pause(): void {
    this.paused = !this.paused;
    if (this.paused) this.gate.close(PAUSED);
    else this.gate.open(PAUSED);
    const button = part(this.root, "[data-pause]");
    button.textContent = this.paused ? "Go on" : "Pause";
    button.ariaPressed = String(this.paused);
    this.tick();
  }
}
