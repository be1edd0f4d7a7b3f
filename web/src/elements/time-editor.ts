/** Sets the time of capture, of one file or of many; what cannot be is refused here, in the words of the service. */
import { clinicTime, timeRefusal } from "../lib/capture.ts";
import { files } from "../lib/text.ts";
import { copy, part, setText } from "./parts.ts";

export interface TimeFor {
  /** Where the editor stands. */
  readonly place: HTMLElement;
  readonly refs: readonly string[];
  /** What stands in it at first, as ISO; of one file its own time. */
  readonly at: string | null;
  /** Birth date of whom the files are for, ISO, where that is known. */
  readonly born: string | null;
  /** Where the focus goes when it is closed. */
  readonly opener: HTMLElement;
}

export class TimeEditor {
  private readonly form: HTMLElement;
  private now: TimeFor | null = null;

  constructor(
    root: HTMLElement,
    /** `null`: back to what the file says. */
    private readonly set: (refs: readonly string[], value: string | null) => void,
  ) {
    this.form = copy(root, "template[data-time-editor]");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.take();
    });
    part(this.form, "[data-clear]").addEventListener("click", () => this.finish(null));
    part(this.form, "[data-cancel]").addEventListener("click", () => this.close());
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  open(now: TimeFor): void {
    this.now = now;
    setText(this.form, "[data-what]", `Time of capture of ${now.refs.length === 1 ? "this file" : files(now.refs.length)}`);
    this.problem("");
    this.input.value = proposed(now.at);
    now.place.append(this.form);
    this.input.focus();
  }

  close(): void {
    const opener = this.now?.opener;
    this.now = null;
    this.form.remove();
    if (opener?.isConnected) opener.focus();
  }

  private take(): void {
    const why = timeRefusal(this.input.value, this.now?.born ?? null, Date.now());
    this.problem(why ?? "");
    if (why) this.input.focus();
    // What nobody changed is confirmed as it stands in the file, with its seconds and its offset.
    else this.finish(this.now?.at?.includes("T") && this.input.value === proposed(this.now.at) ? this.now.at : this.input.value);
  }

  private finish(value: string | null): void {
    const refs = this.now?.refs ?? [];
    this.close();
    this.set(refs, value);
  }

  private problem(text: string): void {
    const place = part(this.form, "[data-problem]");
    place.hidden = text === "";
    place.textContent = text;
    this.input.ariaInvalid = String(text !== "");
  }

  private get input(): HTMLInputElement {
    return part(this.form, "input");
  }
}

/** A time in the field, in the clinic's time; at noon where only the day is known. */
function proposed(at: string | null): string {
  if (!at) return "";
  return at.includes("T") ? clinicTime(at) : `${at}T12:00`;
}
