/** Says one thing about all scans that are chosen: which eye, which kind, when, or that they are withdrawn; and why. */
import { Api, Problem } from "../lib/api.ts";
import { Bulk, type Shown, contradicted, count, question } from "../lib/picked.ts";
import { part, setText } from "./parts.ts";

interface Act {
  readonly name: string;
  readonly value: string;
  readonly text: string;
}

export class PicksForm {
  private readonly api = new Api();
  private readonly form: HTMLFormElement;
  private act: Act | null = null;
  /** What is being said; said again after a fault, it is the same act. */
  private bulk: Bulk | null = null;

  /** `chosen` is what the page shows of the scans that are chosen now; `done` hears what became of which. */
  constructor(
    private readonly root: HTMLElement,
    private readonly chosen: () => Shown[],
    private readonly done: (ids: readonly string[], what: string) => void,
  ) {
    this.form = part(root, "[data-say]");
    this.form.addEventListener("input", () => (this.bulk = null));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.say(event.submitter?.matches("[data-keep]") ?? false);
    });
  }

  get isOpen(): boolean {
    return this.act !== null;
  }

  /** Begin to say what a button stands for. */
  open({ dataset, textContent, title }: HTMLElement): void {
    this.act = { name: dataset["open"]!, value: dataset["value"] ?? "", text: title.replace(/ \(.\)$/, "") || textContent! };
    for (const field of this.form.querySelectorAll<HTMLElement>("[data-for]")) {
      field.hidden = !field.dataset["for"]!.split(" ").includes(this.act.name);
      for (const input of field.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")) input.disabled = field.hidden;
    }
    this.show();
    part(this.form, this.asked() ? "[data-keep]" : this.act.value ? "[data-go]" : "[data-for]:not([hidden]) :is(input, select)").focus({ preventScroll: true });
  }

  close(): void {
    this.act = null;
    this.form.reset();
    this.show();
  }

  /** The choice, or what is said of it, has changed: what comes now is another act. */
  show(): void {
    this.bulk = null;
    this.problem("");
    const found = this.chosen().length;
    this.form.hidden = !this.act || !found;
    for (const button of this.root.querySelectorAll<HTMLButtonElement>("[data-open]")) {
      const { open, value } = button.dataset;
      button.setAttribute("aria-pressed", String(this.act?.name === open && this.act?.value === (value ?? "")));
    }
    if (!this.act) return;
    const { name, text } = this.act;
    setText(this.root, "[data-what]", name === "eye" ? `Correct ${count(found)} to ${text}` : `${text}: ${count(found)}`);
    const asked = this.asked();
    setText(this.root, "[data-go]", name === "withdraw" ? "Withdraw" : asked ? `Correct all ${found} all the same` : "Correct");
    this.ask(asked);
  }

  /** What is to be asked before an eye is given to files that say another one. */
  private asked(): string {
    return this.act?.name === "eye" ? question(this.chosen(), this.act.value) : "";
  }

  private ask(text: string): void {
    setText(this.root, "[data-asks]", text);
    part(this.root, "[data-asks]").hidden = !text;
    const keep = part<HTMLButtonElement>(this.root, "[data-keep]");
    keep.hidden = !text;
    // The first button that submits is what Enter presses: while there is a question, that keeps what the files say.
    keep.type = text ? "submit" : "button";
  }

  private async say(keep: boolean): Promise<void> {
    const [act, all] = [this.act, this.chosen()];
    if (!act || !all.length) return;
    const others = keep ? contradicted(all, act.value) : [];
    const some = all.filter((one) => !others.includes(one));
    if (!some.length) return this.close();
    const ids = some.map(({ id }) => id);
    const seen = new Map(some.map(({ id, records }) => [id, { id, records }]));
    const typed = new FormData(this.form);
    const value = act.value || String(typed.get(act.name) ?? "");
    const reason = ["reason", "words"].map((name) => String(typed.get(name) ?? "").trim()).filter(Boolean).join(": ");
    if (!reason) return this.problem("Say why: choose a reason, or write one.");
    const one = (id: string, some: readonly string[]): Promise<void> => {
      const told = some.map((scan) => seen.get(scan)!);
      return act.name === "withdraw" ? this.api.withdraw(id, some, reason, told) : this.api.correct(id, some, { [act.name]: value }, reason, told);
    };
    if (this.bulk?.ids.length !== ids.length) this.bulk = null;
    const bulk = (this.bulk ??= new Bulk(ids, one));
    const go = part<HTMLButtonElement>(this.root, "[data-go]");
    go.disabled = true;
    try {
      await bulk.run();
      this.done(bulk.ids, `${count(bulk.ids.length)} ${this.became(act)}`);
    } catch (error) {
      this.problem(explain(error, bulk));
    } finally {
      go.disabled = false;
    }
  }

  private became({ name, text }: Act): string {
    if (name === "withdraw") return "withdrawn. They can be brought back from the patient's page.";
    if (name === "captured_at") return "corrected: the time of capture.";
    const kind = this.form.querySelector<HTMLOptionElement>("[name=kind] option:checked");
    return `corrected: ${name === "kind" ? kind!.text : text}.`;
  }

  private problem(text: string): void {
    const place = part(this.root, "[data-problem]");
    place.textContent = text;
    place.hidden = !text;
  }
}

/** What went wrong, and that nothing is lost. */
function explain(error: unknown, { done, ids }: Bulk): string {
  const before = done ? `${done} of ${ids.length} are done, the rest is as it was. ` : "";
  if (!(error instanceof Problem)) return `${before}Something went wrong on this page. Press it again.`;
  if (error.status === 404) return `${before}One of these is not here any more: it was withdrawn meanwhile. Load the page again.`;
  if (error.status === 412) return `${before}Somebody said something about one of these meanwhile. Load the page again, then decide.`;
  const safe = error.status === 0 || error.status >= 500 ? " Nothing is lost: press it again." : " Nothing was changed.";
  return before + error.message + (done ? "" : safe);
}
