/** Search, mark, choose a patient: by mouse, or by arrows and Enter. The list itself is made by the server. */
import type { Hint } from "../lib/facts.ts";
import { type Person, part, personOf } from "./parts.ts";

export class PatientPicker {
  private readonly query: HTMLInputElement;
  private readonly found: HTMLElement;
  private readonly creation: HTMLDetailsElement;
  /** Enter was pressed before the answer to what is typed was there. */
  private entered = false;

  constructor(
    root: HTMLElement,
    private readonly choose: (person: Person) => void,
  ) {
    this.query = part(root, "#patient-query");
    this.found = part(root, "#patients-found");
    this.creation = part(root, "details.new");
    this.query.addEventListener("keydown", (event) => this.key(event));
    this.query.addEventListener("input", () => {
      this.entered = false;
      // What is typed now is asked in a moment; behind an unanswered question it would be dropped.
      abandon(this.query.form!);
    });
    this.found.addEventListener("click", ({ target }) => {
      const option = target instanceof Element ? target.closest<HTMLElement>("[data-patient]") : null;
      if (option) this.take(option);
    });
    new MutationObserver(() => this.answered()).observe(this.found, { childList: true });
  }

  /** Empties everything, also of what is still being asked: what was found for one patient must not be at hand for the next. */
  reset(): void {
    this.entered = false;
    for (const form of [this.query.form!, part(this.creation, "form")]) abandon(form);
    this.query.value = "";
    this.found.replaceChildren();
    this.query.setAttribute("aria-expanded", "false");
    this.query.removeAttribute("aria-activedescendant");
    this.creation.open = false;
    part<HTMLFormElement>(this.creation, "form").reset();
  }

  focus(): void {
    this.query.focus();
  }

  /** Opens the form for somebody new, filled with what a file says; a person reads it over before it is sent. */
  make(hint: Hint | null): void {
    this.reset();
    this.creation.open = true;
    const form = part<HTMLFormElement>(this.creation, "form");
    const values = { name: hint?.name, birth_date: hint?.birth, mrn: hint?.id };
    for (const [name, value] of Object.entries(values)) part<HTMLInputElement>(form, `[name="${name}"]`).value = value ?? "";
    form.scrollIntoView({ block: "center" });
    part<HTMLInputElement>(form, '[name="name"]').focus();
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.enter();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const options = this.options();
      const at = options.findIndex((option) => option.ariaSelected === "true");
      this.mark(options[Math.max(0, Math.min(options.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))]);
    } else if (event.key === "Escape" && this.query.value) {
      event.preventDefault();
      this.reset();
    }
  }

  private enter(): void {
    const marked = this.options().find((option) => option.ariaSelected === "true");
    if (marked && this.isFresh()) return this.take(marked);
    // A barcode scanner types and presses Enter faster than the answer comes.
    this.entered = true;
    this.query.form?.requestSubmit();
  }

  private answered(): void {
    const options = this.options();
    this.query.setAttribute("aria-expanded", String(options.length > 0));
    this.mark(options[0]);
    const made = options.find((option) => "made" in option.dataset);
    if (made) return this.take(made);
    // An Enter from before the answer may only choose what is beyond doubt; several are shown first.
    if (this.entered && this.isFresh() && options.length === 1) this.take(options[0]!);
    if (this.isFresh()) this.entered = false;
  }

  private mark(option: HTMLElement | undefined): void {
    for (const other of this.options()) other.ariaSelected = String(other === option);
    if (option) this.query.setAttribute("aria-activedescendant", option.id);
    else this.query.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  private take(option: HTMLElement): void {
    this.choose(personOf(option));
  }

  private options(): HTMLElement[] {
    return [...this.found.querySelectorAll<HTMLElement>("[data-patient]")];
  }

  /** Whether the list answers what is typed now. */
  private isFresh(): boolean {
    return this.found.querySelector<HTMLElement>("[data-query]")?.dataset["query"] === this.query.value.trim();
  }
}

/** Whatever this form is just asking: its answer is not wanted any more. */
function abandon(form: HTMLElement): void {
  form.dispatchEvent(new Event("htmx:abort"));
}
