/**
 * `<session-lock>`: hides the page when nobody has touched it for a while, and shows it again to the same person.
 * Nothing is taken out of the document: typed words stay, running uploads go on.
 */
import { type Face, type State, Watch } from "../lib/watch.ts";

const TOUCHES = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"] as const;

class SessionLock extends HTMLElement {
  private watch!: Watch;
  private title_ = "";
  private focused: Element | null = null;

  connectedCallback(): void {
    this.watch = new Watch(
      {
        ask: (touched) => ask(touched ? "/session/active" : "/session", touched ? "POST" : "GET"),
        show: (face, by) => this.show(face, by),
        now: () => Date.now(),
        later: (milliseconds, act) => setTimeout(act, milliseconds),
      },
      this.dataset["account"]!,
    );
    for (const touch of TOUCHES) addEventListener(touch, () => this.watch.touch(), { passive: true, capture: true });
    // A computer that slept has no timers: look at once when it is back.
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void this.now());
    // Back and forward may bring a page out of the browser's memory after its person has signed out.
    addEventListener("pageshow", (event) => event.persisted && void this.now());
    this.querySelector("form")!.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.open();
    });
    document.querySelector("[data-lock]")?.addEventListener("click", () => void this.lock());
    void this.watch.look();
    this.dataset["ready"] = "";
  }

  private async now(): Promise<void> {
    this.watch.take(await ask("/session", "GET").catch(() => "over" as const));
  }

  private async lock(): Promise<void> {
    this.watch.take(await ask("/session/lock", "POST"));
  }

  private async open(): Promise<void> {
    const form = this.querySelector("form")!;
    const note = this.inner("[data-problem]");
    const answer = await fetch("/session/unlock", { method: "POST", body: new URLSearchParams(new FormData(form) as never) });
    const found = (await answer.json().catch(() => ({ problem: "Try again." }))) as State & { problem?: string };
    form.reset();
    note.hidden = !found.problem;
    note.textContent = found.problem ?? "";
    if (answer.ok) this.watch.take(found);
    else this.inner("[name=password]").focus();
  }

  private show(face: Face, by: State["by"]): void {
    const shut = face !== "open";
    for (const element of document.body.children) {
      if (element instanceof HTMLElement && element.localName !== this.localName) element.hidden = shut;
    }
    this.hidden = !shut;
    for (const part of this.querySelectorAll<HTMLElement>("[data-by]")) {
      part.hidden = face === "over" ? part.dataset["by"] !== "over" : !part.dataset["by"]!.split(" ").includes(by);
    }
    if (shut) {
      this.title_ ||= document.title;
      this.focused ??= document.activeElement;
      document.title = "Locked";
      const first = [...this.querySelectorAll<HTMLElement>("input, button, a")].find((one) => one.offsetParent !== null);
      first?.focus();
    } else {
      document.title = this.title_;
      this.title_ = "";
      if (this.focused instanceof HTMLElement) this.focused.focus();
      this.focused = null;
    }
  }

  private inner(selector: string): HTMLElement {
    return this.querySelector<HTMLElement>(selector)!;
  }
}

async function ask(path: string, method: string): Promise<State | "over"> {
  const answer = await fetch(path, { method, cache: "no-store", redirect: "manual" });
  // Whoever is not signed in any more is sent to the sign-in.
  if (answer.type === "opaqueredirect" || answer.status === 404) return "over";
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()) as State;
}

customElements.define("session-lock", SessionLock);
