/**
 * `<upload-panel>`: patient first, then files with their eyes, then Send. What is sent goes on below, in its own card,
 * while the panel is empty again: the chosen patient is never carried over to the next batch.
 */
import type { Begun } from "../lib/api.ts";
import { counts, declared } from "../lib/draft.ts";
import { type Gathered, MOST_AT_ONCE, fromDrop, fromInput } from "../lib/folder.ts";
import { Keep } from "../lib/keep.ts";
import { fileName, plain } from "../lib/outside.ts";
import { UNREAD, reader } from "../lib/reader.ts";
import { files } from "../lib/text.ts";
import { type Taken, refusedByName } from "../lib/types.ts";
import { BatchCard, type Sent } from "./batch-card.ts";
import { DraftList, type Refused } from "./draft-list.ts";
import type { DraftGroup } from "./draft-group.ts";
import type { Draft } from "./draft-row.ts";
import { type Engine, makeEngine } from "./engine.ts";
import { Notices } from "./notices.ts";
import { OpenList } from "./open-list.ts";
import { Overall } from "./overall.ts";
import { PatientPicker } from "./patient-picker.ts";
import { type Person, copy, markPerson, part, personOf, setText, showPerson } from "./parts.ts";
import { Repeat } from "./repeat.ts";

/** A patient chosen this long ago, in milliseconds, with nothing done since, may be the last one's: nobody is chosen. */
const FORGET = 600_000;
const CHANGED = "Something has changed just now. Look at the list, then press Send again.";
/** Patients offered again by one click. */
const RECENT = 6;

class UploadPanel extends HTMLElement {
  private person: Person | null = null;
  /** The group for which a patient is being found or made, if it is not for the page. */
  private asker: DraftGroup | null = null;
  private repeat!: Repeat;
  private picker!: PatientPicker;
  private drafts!: DraftList;
  private engine!: Engine;
  private overall!: Overall;
  /** What stood there when sending was stopped because it had changed; empty: it was not. */
  private halted = "";
  /** For whom, and with which words, somebody said that note and urgency are for all of several patients. */
  private forAll = "";
  private forgetting: ReturnType<typeof setTimeout> | undefined;
  private readonly leaving = new AbortController();

  connectedCallback(): void {
    if (!isSecureContext) {
      part(this, "[data-insecure]").hidden = false;
      part(this, "[data-pick]").hidden = true;
      part(this, "[data-files]").hidden = true;
      return;
    }
    this.engine = makeEngine(this.dataset["worker"]!, this.dataset["account"]!);
    this.overall = new Overall(this, this.engine.tools.line.gate, (text) => this.say(text));
    this.picker = new PatientPicker(this, (person) => this.choose(person));
    this.drafts = new DraftList(this, this.taken, {
      hash: (file, idle) => this.engine.hash(file, idle),
      changed: () => this.show(),
      say: (text) => this.say(text),
      makeNew: (group) => this.makeNew(group),
    });
    this.repeat = new Repeat(this, this.drafts);
    this.listen();
    this.show();
    const resume = (person: Person, begun: readonly Begun[], sent: readonly Sent[]): void => {
      const byRef = new Map(begun.map((one, index) => [sent[index]!.ref, one]));
      this.start(person, { patient: person.id, note: "", urgent: false }, sent, byRef);
    };
    const open = new OpenList(this, this.engine, resume);
    void open.look();
    new Notices(part(this, "[data-notices]"), this.engine, this.dataset["probe"]!).watch(this.leaving.signal);
    this.chooseWanted();
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    this.leaving.abort();
  }

  private listen(): void {
    const { signal } = this.leaving;
    for (const [opener, name] of [["[data-choose]", "[data-input]"], ["[data-choose-folder]", "[data-folder]"]] as const) {
      const input = part<HTMLInputElement>(this, name);
      part(this, opener).addEventListener("click", () => input.click());
      input.addEventListener("change", () => {
        void this.add(fromInput([...(input.files ?? [])]));
        input.value = "";
      });
    }
    part(this, "[data-other]").addEventListener("click", () => {
      this.nobody();
      this.picker.focus();
    });
    part(this, "[data-asker-cancel]").addEventListener("click", () => this.chosenForGroup(null));
    part(this, "[data-send]").addEventListener("click", () => void this.send());
    this.listenToWords();
    part(this, "[data-recent]").addEventListener("click", ({ target }) => {
      const chip = target instanceof Element && target.closest<HTMLElement>("[data-patient]");
      if (chip) this.choose(personOf(chip));
    });
    this.listenForDrops(signal);
    addEventListener("keydown", (event) => this.key(event), { signal });
    addEventListener("beforeunload", (event) => this.moving() && event.preventDefault(), { signal });
    addEventListener("submit", (event) => this.signOut(event), { signal, capture: true });
  }

  private listenToWords(): void {
    const note = part<HTMLInputElement>(this, "[data-note]");
    note.addEventListener("input", () => {
      // What is pasted may bring marks that the service refuses: they go at once, and the person sees what is left.
      const clean = plain(note.value);
      part(this, "[data-note-cleaned]").hidden = clean === note.value;
      if (clean !== note.value) note.value = clean;
      this.show();
    });
    part(this, "[data-urgent]").addEventListener("change", () => this.show());
    part<HTMLInputElement>(this, "[data-for-all] input").addEventListener("change", ({ target }) => {
      this.forAll = (target as HTMLInputElement).checked ? this.shared : "";
      this.show();
    });
  }

  /** A drop anywhere on the page is caught: the browser would open the file instead, and leave the page. */
  private listenForDrops(signal: AbortSignal): void {
    const drop = part(this, "[data-drop]");
    addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    }, { signal });
    addEventListener("dragleave", (event) => event.relatedTarget === null && drop.classList.remove("over"), { signal });
    addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer) void fromDrop(event.dataTransfer).then((gathered) => this.add(gathered));
    }, { signal });
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void this.send();
    } else this.drafts.press(event);
    this.stay();
  }

  /** Nothing of an account stays in a browser that others use. Bytes that move are asked about first. */
  private signOut(event: Event): void {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.action.endsWith("/sign-out")) return;
    if (this.overall.moving && !confirm("Files are still being sent. Sign out and stop sending? What has arrived is kept, and can be gone on with later.")) {
      event.preventDefault();
      return;
    }
    this.leaving.abort();
    void Keep.purge();
  }

  /** A link led here for one patient. It counts once: a reload must not choose anybody. */
  private chooseWanted(): void {
    const chip = this.querySelector<HTMLElement>("[data-recent] [data-wanted]");
    if (!chip) return;
    history.replaceState(null, "", location.pathname);
    this.choose(personOf(chip));
  }

  private get taken(): Taken {
    return { most: Number(this.dataset["most"]), kinds: JSON.parse(this.dataset["kinds"]!) as Taken["kinds"] };
  }

  /** Opens the form for a patient who is not known yet, with what the files of this group say. */
  private makeNew(group: DraftGroup): void {
    this.asker = group;
    setText(this, "[data-asker-title]", group.title);
    this.show();
    this.picker.make(group.hints[0] ?? null);
  }

  /** Somebody was found or made for one group, or not after all (null); the page's own patient stays. */
  private chosenForGroup(person: Person | null): void {
    const group = this.asker;
    this.asker = null;
    this.picker.reset();
    if (person) group?.whose.take(person);
    this.show();
    if (person) this.say(`${person.name}, born ${person.born}, record number ${person.mrn}, is chosen for these files.`);
  }

  private choose(person: Person): void {
    if (this.asker) return this.chosenForGroup(person);
    this.person = person;
    this.picker.reset();
    showPerson(part(this, "[data-chosen]"), person);
    this.drafts.choose(person);
    this.show();
    this.stay();
    // Files come next.
    void reader().catch(() => undefined);
    part(this, "[data-choose]").focus();
    this.say(`${person.name}, born ${person.born}, record number ${person.mrn}, is chosen.`);
  }

  /** Somebody is at work with this patient; ten minutes after the last sign of it nobody is chosen any more. */
  private stay(): void {
    clearTimeout(this.forgetting);
    if (!this.person) return;
    this.forgetting = setTimeout(() => {
      const name = this.person?.name;
      this.nobody();
      this.say(`${name} is no longer chosen, because nothing was done for ten minutes. Your files are kept here.`);
    }, FORGET);
  }

  /** Nobody is chosen; files that wait stay, unassigned. */
  private nobody(): void {
    this.person = null;
    this.asker = null;
    this.drafts.choose(null);
    this.picker.reset();
    this.show();
  }

  /** Files were sent: their words are theirs, and the next patient is another one. */
  private next(): void {
    this.nobody();
    this.repeat.end();
    this.refuse([], 0);
    part<HTMLInputElement>(this, "[data-note]").value = "";
    part(this, "[data-note-cleaned]").hidden = true;
    part<HTMLInputElement>(this, "[data-urgent]").checked = false;
    this.forAll = "";
    this.show();
    if (this.drafts.size === 0) this.picker.focus();
  }

  private async add({ chosen, system, over, handles }: Gathered): Promise<void> {
    const reasons = over ? [`Only the first ${MOST_AT_ONCE} files were taken. Add the rest when these are sent.`] : [];
    const judged = chosen.map((one) => ({ one, code: refusedByName(fileName(one.file.name), one.file.size, this.taken) }));
    const bad: Refused[] = judged.flatMap(({ one, code }) => (code ? [{ name: fileName(one.file.name), code }] : []));
    const good = judged.flatMap(({ one, code }) => (code ? [] : [one]));
    this.refuse([...reasons, ...this.sentences(bad)], system);
    if (!(await reader().catch(() => null))) return this.refuse([UNREAD], 0);
    const reading = part(this, "[data-reading]");
    const { refused, added } = await this.drafts.add(good, handles, (done) => {
      reading.hidden = done >= good.length;
      reading.textContent = `Reading ${done} of ${files(good.length)}`;
    });
    this.refuse([...reasons, ...this.sentences([...bad, ...refused])], system);
    this.repeat.give(added, this.person);
    this.stay();
    if (!this.person && added.length > 0) this.say(`${files(added.length)} added. They wait until a patient is chosen.`);
  }

  /** Why files are not taken, in the words that the service would use after they were sent. */
  private sentences(refused: readonly Refused[]): string[] {
    const words = JSON.parse(this.dataset["refusals"]!) as Record<string, string>;
    return refused.map(({ name, code }) => `${name}: ${words[code]}`);
  }

  /** A long list of reasons helps nobody: the first ones, and how many there are. */
  private refuse(reasons: readonly string[], system: number): void {
    const place = part(this, "[data-refused]");
    const lines = [...reasons.slice(0, 10), ...(reasons.length > 10 ? [`${reasons.length - 10} more were refused.`] : [])];
    if (system > 0) lines.push(`${files(system)} of the system ${system === 1 ? "was" : "were"} left out.`);
    place.hidden = lines.length === 0;
    place.classList.toggle("bad", reasons.length > 0);
    part(place, "ul").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  }

  private async send(): Promise<void> {
    const shown = this.standing;
    // Files may still be read, and whom their names name may still be on its way here.
    await this.drafts.settled();
    this.show();
    const owned = this.drafts.owned;
    const why = this.why();
    if (why) return this.say(why.said);
    if (this.standing !== shown) {
      this.halted = this.standing;
      this.show();
      return this.say(CHANGED);
    }
    if (owned.length === 0) return this.drafts.size > 0 ? this.say("Choose the patient first.") : undefined;
    const { urgent, note } = this.words;
    for (const [key, some] of grouped(owned)) {
      const person = some[0]![1];
      const reason = key.slice(person.id.length);
      const words = [note, reason && `The file names another patient. Sent all the same: ${reason}.`].filter(Boolean).join("\n");
      const sent = some.flatMap(([group]) => group.all.map((draft) => this.sent(draft)));
      this.remember(person);
      this.start(person, { patient: person.id, note: words, urgent }, sent);
    }
    this.drafts.take(owned.map(([group]) => group));
    this.next();
  }

  /** What would be sent and for whom, and what was not compared: only what a person had before the eyes is sent. */
  private get standing(): string {
    const { owned, unguarded } = this.drafts;
    return JSON.stringify([owned.flatMap(([group, { id }]) => group.refs.map((ref) => `${id} ${ref}`)).sort(), unguarded]);
  }

  private get words(): { note: string; urgent: boolean } {
    return { note: plain(part<HTMLInputElement>(this, "[data-note]").value).trim(), urgent: part<HTMLInputElement>(this, "[data-urgent]").checked };
  }

  /** Patients to whom files would be sent now. */
  private get patients(): readonly string[] {
    return [...new Set(this.drafts.owned.map(([, { id }]) => id))].sort();
  }

  /** What would be said of the files of several patients at once; empty if nothing is. */
  private get shared(): string {
    const { note, urgent } = this.words;
    return this.patients.length > 1 && (note || urgent) ? JSON.stringify([this.patients, note, urgent]) : "";
  }

  /** Only what a person said goes along; what the file says, it says itself. */
  private sent({ ref, file, digest, handles, row }: Draft): Sent {
    const model = this.drafts.model.get(ref);
    const kinds = part<HTMLSelectElement>(this, "[data-kind]");
    const [eye, kind] = [counts(model, "eye"), counts(model, "kind")];
    const title = (eye && this.querySelector<HTMLElement>(`.bar [data-eye="${eye}"]`)?.dataset["plain"]) ?? "";
    const named = (kind && kinds.querySelector<HTMLOptionElement>(`option[value="${kind}"]`)?.text) ?? "";
    return {
      ref, file, ...declared(model), digest, handles,
      what: [title, named].filter(Boolean).join(" · "),
      thumb: row ? [...part(row, ".thumb").childNodes] : [],
    };
  }

  private start(person: Person, order: { patient: string; note: string; urgent: boolean }, sent: readonly Sent[], begun?: ReadonlyMap<string, Begun>): void {
    const card = new BatchCard(this, person, order, sent, this.engine.tools, this.dataset["maySee"] === "True", () => this.overall.changed(), begun);
    this.overall.add(card);
    void card.batch.start();
  }

  /** The chip of a patient who was just sent for comes first. */
  private remember(person: Person): void {
    const place = part(this, "[data-recent]");
    place.querySelector(`[data-patient="${person.id}"]`)?.remove();
    const chip = copy(this, "template[data-chip]");
    markPerson(chip, person);
    showPerson(chip, person);
    place.prepend(chip);
    while (place.childElementCount > RECENT) place.lastElementChild?.remove();
    place.hidden = false;
  }

  /** Why nothing can be sent yet: as shown beside the button, and as said when it is pressed all the same. */
  private why(): { shown: string; said: string } | null {
    const { owned } = this.drafts;
    if (owned.some(([group, person]) => group.against(person).length > 0)) {
      return { shown: "Say whose these files are", said: "Some files name another patient. Say whose they are first." };
    }
    if (this.drafts.asking) return { shown: "Answer the question above", said: "Answer the question about what the files say first." };
    const unborn = owned.flatMap(([group, person]) => group.refs.filter((ref) => (this.drafts.model.get(ref).said.capturedAt ?? "9") < person.birthDate)).length;
    if (unborn > 0) return { shown: `${files(unborn)} with a time before the patient's birth`, said: "A time of capture lies before the patient's birth. Check the time and the patient." };
    if (this.shared !== "" && this.shared !== this.forAll) {
      return { shown: `Confirm what is said of all ${this.patients.length} patients`, said: `Confirm what is said of all ${this.patients.length} patients, or send for one patient at a time.` };
    }
    const needy = owned.reduce((sum, [group]) => sum + group.needy.length, 0);
    return needy > 0 ? { shown: `${files(needy)} still ${needy === 1 ? "needs its" : "need their"} eye`, said: "Each file needs its eye first." } : null;
  }

  private show(): void {
    const count = this.drafts.size;
    const ready = this.drafts.owned.reduce((sum, [group]) => sum + group.drafts.size, 0);
    part(this, "[data-pick]").hidden = this.person !== null && this.asker === null;
    part(this, "[data-asker]").hidden = this.asker === null;
    part(this, "[data-unguarded]").hidden = this.drafts.unguarded === 0;
    setText(this, "[data-unguarded-count]", files(this.drafts.unguarded));
    this.showShared();
    this.repeat.show(this.person);
    part(this, "[data-chosen]").hidden = this.person === null;
    part(this, "[data-work]").hidden = count === 0;
    part(this, "[data-drop]").classList.toggle("slim", count > 0);
    setText(this, "[data-choose]", count > 0 ? "Add more files" : "Choose files");
    setText(this, "#step-patient", this.overall.any ? "Next patient" : "Patient");
    setText(this, "#step-files", count > 0 && this.drafts.owned.length === 0 ? "Unassigned files" : "Files");
    setText(this, "[data-send-count]", files(ready));
    const why = this.why();
    const rest = count - ready;
    if (this.halted && this.halted !== this.standing) this.halted = "";
    setText(this, "[data-why]", why?.shown ?? (this.halted ? CHANGED : rest > 0 ? `${files(rest)} without a patient ${rest === 1 ? "stays" : "stay"} here` : ""));
    // aria-disabled, not disabled: the button stays reachable, and says why when it is pressed.
    part(this, "[data-send]").ariaDisabled = String(why !== null || ready === 0);
  }

  private showShared(): void {
    const { shared, words: { note, urgent } } = this;
    const place = part(this, "[data-for-all]");
    place.hidden = shared === "";
    part<HTMLInputElement>(place, "input").checked = shared !== "" && shared === this.forAll;
    if (shared) setText(place, "span", `${[note && "The note", urgent && "urgent"].filter(Boolean).join(" and ").replace(/^u/, "U")} for all ${this.patients.length} patients`);
  }

  private moving(): boolean {
    return !this.leaving.signal.aborted && (this.drafts.size > 0 || this.overall.moving);
  }

  private say(text: string): void {
    setText(this, "[data-live]", text);
  }
}

/** One batch for each patient, and for each reason that goes along with its files. */
function grouped(owned: readonly (readonly [DraftGroup, Person])[]): Map<string, (readonly [DraftGroup, Person])[]> {
  const found = new Map<string, (readonly [DraftGroup, Person])[]>();
  for (const pair of owned) {
    const key = pair[1].id + pair[0].whose.reason;
    found.set(key, [...(found.get(key) ?? []), pair]);
  }
  return found;
}

customElements.define("upload-panel", UploadPanel);
