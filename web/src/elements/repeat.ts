/** A picture that is wanted once more: files of its patient get its eye and kind, as the press on "Send again" said. */
import type { DraftList } from "./draft-list.ts";
import { type Person, part } from "./parts.ts";

export class Repeat {
  private readonly banner: HTMLElement | null;
  private readonly patient: string;

  constructor(
    root: HTMLElement,
    private readonly drafts: DraftList,
  ) {
    this.banner = root.querySelector<HTMLElement>("[data-repeat]");
    this.patient = this.banner?.dataset["of"] ?? "";
    if (this.banner) part(this.banner, "[data-repeat-end]").addEventListener("click", () => this.end());
  }

  /** It counts for its patient only. */
  show(person: Person | null): void {
    if (this.banner?.isConnected) this.banner.hidden = person?.id !== this.patient;
  }

  /** Gives these files eye and kind, but where a file says otherwise: then it is asked about. */
  give(refs: readonly string[], person: Person | null): void {
    if (!this.banner?.isConnected || person?.id !== this.patient) return;
    // A folder of several patients is not one picture taken again.
    const meant = this.drafts.all.length === 1 ? refs : [];
    const { wantedEye: eye, wantedKind: kind } = this.banner.dataset;
    if (eye && eye !== "unknown") this.drafts.give("eye", eye, meant);
    if (kind && kind !== "unknown") this.drafts.give("kind", kind, meant, true, true);
  }

  end(): void {
    this.banner?.remove();
  }
}
