/** `<patient-choice>`: finds a patient by what is typed and goes on with the one that is chosen, by mouse or by arrows and Enter. */
import { part } from "./parts.ts";

export class PatientChoice extends HTMLElement {
  /** Enter was pressed before the answer to what is typed was there. */
  private entered = false;

  connectedCallback(): void {
    this.query.addEventListener("keydown", (event) => this.key(event));
    this.query.addEventListener("input", () => (this.entered = false));
    this.found.addEventListener("click", ({ target }) => {
      const option = target instanceof Element ? target.closest<HTMLElement>("[data-patient]") : null;
      if (option) this.take(option);
    });
    new MutationObserver(() => this.answered()).observe(this.found, { childList: true });
  }

  private get query(): HTMLInputElement {
    return part<HTMLInputElement>(this, "input[type=search]");
  }

  private get found(): HTMLElement {
    return part(this, "#patients-found");
  }

  private get options(): HTMLElement[] {
    return [...this.found.querySelectorAll<HTMLElement>("[data-patient]")];
  }

  private get marked(): HTMLElement | undefined {
    return this.options.find(({ ariaSelected }) => ariaSelected === "true");
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing || (!step && event.key !== "Enter")) return;
    event.preventDefault();
    if (!step) this.enter();
    else {
      const at = this.options.indexOf(this.marked!);
      this.mark(this.options[Math.max(0, Math.min(this.options.length - 1, at + step))]);
    }
  }

  private enter(): void {
    if (this.marked && this.isFresh()) return this.take(this.marked);
    this.entered = true;
    this.query.form!.requestSubmit();
  }

  private answered(): void {
    this.query.setAttribute("aria-expanded", String(this.options.length > 0));
    this.mark(this.options[0]);
    if (!this.isFresh()) return;
    // An Enter from before the answer may only choose what is beyond doubt.
    if (this.entered && this.options.length === 1) this.take(this.options[0]!);
    this.entered = false;
  }

  private mark(option: HTMLElement | undefined): void {
    for (const other of this.options) other.ariaSelected = String(other === option);
    if (option) this.query.setAttribute("aria-activedescendant", option.id);
    else this.query.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  private take(option: HTMLElement): void {
    const form = part<HTMLFormElement>(this, "form[data-into]");
    part<HTMLInputElement>(form, "[name=into]").value = option.dataset["patient"]!;
    form.submit();
  }

  /** Whether the list answers what is typed now. */
  private isFresh(): boolean {
    return this.found.querySelector<HTMLElement>("[data-query]")?.dataset["query"] === this.query.value.trim();
  }
}

customElements.define("patient-choice", PatientChoice);
