/** Two stacks side by side: linked, a step in one is a step in the other; free, the keys move the one that was touched last. */
import { beside, shift } from "../lib/beside.ts";
import type { OctStack } from "./oct-stack.ts";

export class PairStacks {
  private linked = true;
  private shifted = 0;
  private following = false;
  private touched: OctStack | undefined;
  private readonly stacks: readonly OctStack[];
  /** Those that show a slice already. */
  private readonly standing = new Set<OctStack>();

  constructor(root: HTMLElement) {
    this.stacks = [...root.querySelectorAll<OctStack>("oct-stack")];
    this.touched = this.stacks[0];
    for (const stack of this.stacks) {
      for (const kind of ["pointerdown", "wheel", "focusin"]) stack.addEventListener(kind, () => this.touch(stack), { passive: true, capture: true });
      stack.addEventListener("slice", () => this.follow(stack));
    }
    this.tell();
  }

  /** What `link` did, in words; "" where there are not two stacks. */
  link(linked: boolean): string {
    this.linked = linked;
    const [first, second] = this.stacks;
    if (!first || !second) return "";
    if (this.standing.size === 2) this.shifted = shift([first.slice, first.count], [second.slice, second.count]);
    this.tell();
    if (!linked) return "The arrows step the volume that was touched last.";
    return this.shifted ? "The slices keep the distance they have now." : "";
  }

  /** Whether a key was a step. */
  key(key: string): boolean {
    const stack = this.touched;
    const acts: Record<string, () => void> = {
      ArrowUp: () => stack?.step(-1),
      ArrowDown: () => stack?.step(1),
      Home: () => stack?.first(),
      End: () => stack?.last(),
      o: () => this.touch(this.stacks[this.stacks.indexOf(stack!) ? 0 : 1] ?? stack!),
    };
    if (!stack || !acts[key]) return false;
    acts[key]();
    return true;
  }

  private touch(stack: OctStack): void {
    this.touched = stack;
    this.tell();
  }

  /** Bring the other stack beside the one that has moved; one that has just come goes beside the other. */
  private follow(moved: OctStack): void {
    const other = this.stacks.find((one) => one !== moved);
    const came = !this.standing.has(moved);
    this.standing.add(moved);
    if (!other || !this.standing.has(other) || !this.linked || this.following) return;
    const [from, to] = came ? [other, moved] : [moved, other];
    this.following = true;
    to.go(beside(from.slice, from.count, to.count, from === this.stacks[0] ? this.shifted : -this.shifted));
    this.following = false;
  }

  /** Only where it makes a difference, the one that the keys move is marked. */
  private tell(): void {
    for (const stack of this.stacks) stack.toggleAttribute("data-keys", !this.linked && this.stacks.length > 1 && stack === this.touched);
  }
}
