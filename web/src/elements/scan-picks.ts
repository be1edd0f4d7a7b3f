/** `<scan-picks>`: chooses scans on a page by mouse, keys or taps; what can be said about them stands in it. */
import { beside, card, cardOf, cards, linkOf, picks, refresh } from "../lib/cards.ts";
import { EYES, alone, typing } from "../lib/keys.ts";
import { type Pick, chosen, open, scans, shown, told } from "../lib/picked.ts";
import { NONE, type Selection, all, extend, only, toggle } from "../lib/select.ts";
import { part, setText } from "./parts.ts";
import { PicksForm } from "./picks-form.ts";

const LETTERS: Readonly<Record<string, string>> = { k: "kind", t: "captured_at", w: "withdraw" };

export class ScanPicks extends HTMLElement {
  private readonly ending = new AbortController();
  private form!: PicksForm;
  private selection: Selection = NONE;
  /** A button has said that taps choose. */
  private picking = false;

  connectedCallback(): void {
    const { signal } = this.ending;
    document.body.dataset["picks"] = "";
    this.form = new PicksForm(this, () => shown(this.chosen), (ids, what) => void this.done(ids, what));
    // On the way down: a card is a link, which must not be followed while one chooses.
    document.addEventListener("click", (event) => this.clicked(event), { capture: true, signal });
    document.addEventListener("mousedown", (event) => event.shiftKey && cardOf(event.target) && event.preventDefault(), { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    this.addEventListener("click", ({ target }) => target instanceof Element && this.press(target.closest("button")), { signal });
  }

  disconnectedCallback(): void {
    this.ending.abort();
  }

  private get on(): boolean {
    return this.picking || this.selection.chosen.size > 0;
  }

  private get chosen(): Pick[] {
    return chosen(this.selection, picks());
  }

  private choose(selection: Selection): void {
    this.selection = selection;
    if (!this.on && this.form.isOpen) this.form.close();
    this.show();
  }

  private pick(on: boolean): void {
    this.picking = on;
    this.choose(on ? this.selection : NONE);
  }

  private take(one: HTMLElement, range: boolean): void {
    const { card: key, folded } = one.dataset;
    this.choose(range && folded === undefined ? extend(this.selection, open(picks()), key!) : toggle(this.selection, key!));
  }

  private clicked(event: MouseEvent): void {
    const target = event.target as Element;
    if (target.closest("[data-select]")) return this.pick(!this.on);
    const one = cardOf(target);
    const box = target instanceof HTMLInputElement;
    if (!one || event.button !== 0 || (!box && target.closest("label"))) return;
    const many = event.shiftKey || event.ctrlKey || event.metaKey;
    // Enter comes as a click without a mouse: it opens the scan, whatever is chosen.
    if (!box && !many && (!this.on || event.detail === 0)) return;
    this.take(one, event.shiftKey);
    if (box) return;
    event.preventDefault();
    event.stopPropagation();
    linkOf(one)?.focus({ preventScroll: true });
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || event.isComposing || !this.takes(event, target)) return;
    event.preventDefault();
  }

  private takes(event: KeyboardEvent, target: HTMLElement): boolean {
    if (event.key === "Escape" && this.on) {
      if (!this.form.isOpen) this.pick(false);
      else this.cancel();
      return true;
    }
    const one = cardOf(target);
    if (typing(target)) return false;
    if ((event.ctrlKey || event.metaKey) && event.key === "a" && (one || this.on)) {
      this.choose(all(open(picks())));
      return true;
    }
    return one !== null && this.onCard(event, one);
  }

  private onCard(event: KeyboardEvent, one: HTMLElement): boolean {
    if (event.key === " ") {
      this.take(one, event.shiftKey);
      return true;
    }
    if (event.shiftKey && event.key.startsWith("Arrow")) {
      this.reach(one, event.key);
      return true;
    }
    if (!alone(event) || !this.chosen.length) return false;
    const eye = EYES[event.key];
    const name = LETTERS[event.key];
    if (eye) this.form.open(part(this, `[data-value=${eye}]`));
    else if (name) this.form.open(part(this, `[data-open=${name}]`));
    else if (event.key === "m") this.move();
    else return false;
    return true;
  }

  /** Reach on to the card that lies there. */
  private reach(from: HTMLElement, arrow: string): void {
    const next = beside(from, arrow);
    if (!next) return;
    const key = from.dataset["card"]!;
    const begun = this.selection.active === key ? this.selection : only(key);
    this.choose(extend(begun, open(picks()), next.dataset["card"]!));
    linkOf(next)?.focus();
  }

  private press(button: HTMLElement | null): void {
    const { dataset } = button ?? this;
    if (dataset["open"]) this.form.open(button!);
    else if ("move" in dataset) this.move();
    else if ("end" in dataset) this.pick(false);
    else if ("cancel" in dataset) this.cancel();
    else if ("close" in dataset) this.tell("");
  }

  private cancel(): void {
    this.form.close();
    linkOf(card(this.selection.active))?.focus();
  }

  /** To the page that shows both patients before anything is moved. */
  private move(): void {
    const form = part<HTMLFormElement>(this, "[data-moving]");
    form.replaceChildren(...scans(this.chosen).map((value) => Object.assign(document.createElement("input"), { type: "hidden", name: "scan", value })));
    form.submit();
  }

  private async done(ids: readonly string[], what: string): Promise<void> {
    const { active } = this.selection;
    this.pick(false);
    const fresh = await refresh(this.dataset["refresh"]!, ids);
    this.tell(fresh ? what : `${what} Load the page again to see it.`);
    (linkOf(card(active)) ?? part(this, "[data-close]")).focus();
  }

  private show(): void {
    const found = this.chosen;
    document.body.toggleAttribute("data-picking", this.on);
    for (const one of cards()) {
      const box = part<HTMLInputElement>(one, "[data-tick]");
      box.checked = this.selection.chosen.has(one.dataset["card"]!);
      box.tabIndex = this.picking ? 0 : -1;
      one.toggleAttribute("data-picked", box.checked);
    }
    for (const button of document.querySelectorAll("[data-select]")) button.setAttribute("aria-pressed", String(this.on));
    for (const button of this.querySelectorAll<HTMLButtonElement>("[data-open], [data-move]")) button.disabled = !found.length;
    part(this, "[data-acts]").hidden = !this.on;
    this.toggleAttribute("data-several", new Set(found.map(({ patient }) => patient)).size > 1);
    this.form.show();
    this.tell(found.length ? told(found) : this.on ? "Tap scans, or tick their boxes." : "");
  }

  /** One line of what is chosen, or of what has happened. */
  private tell(text: string): void {
    setText(this, "[data-told]", text);
    part(this, "[data-close]").hidden = this.on || !text;
    this.toggleAttribute("data-on", text !== "");
  }
}

customElements.define("scan-picks", ScanPicks);
