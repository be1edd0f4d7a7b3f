/**
 * Whether a file's header and the chosen patient are the same person: the worker's rules (broker/ingest/identity.py), and the
 * same table of cases holds both to them (tests/cases/headers.json). Devices write words where they know nothing, drop titles,
 * turn names round and spell umlauts out; so a value counts only if it could be one, and a name differs only where nothing
 * of it is the same.
 */
import type { Facts, Hint } from "./facts.ts";

/** One record of a patient. `birthDate` is ISO: nothing parses what was written for reading. */
export interface Entry {
  readonly name: string;
  readonly birthDate: string;
  readonly mrn: string;
  readonly issuer: string;
}

/** A patient as the service knows one. `formerly`: records that were merged into this one; devices may know only them. */
export interface Known extends Entry {
  readonly formerly?: readonly Entry[];
}

/** All records of a patient, that which counts now first. */
export const records = <R extends object>(person: R & { readonly formerly?: readonly R[] }): readonly R[] => [person, ...(person.formerly ?? [])];

/** What stands where nobody entered anything, letters and digits only. */
const NOTHING = new Set([
  "unknown", "unbekannt", "inconnu", "desconocido", "none", "null", "na", "nil", "noid", "noname", "nomrn",
  "anonymous", "anonymized", "anonym", "anon", "patient", "patientid", "testpatient", "test", "demo", "dummy",
  "default", "noidentification", "emergency", "notfall",
]);
/** Birth dates that devices begin with when none was entered. */
const NO_BIRTH = new Set(["0001-01-01", "1753-01-01", "1800-01-01", "1899-12-30", "1900-01-01", "1970-01-01"]);
const SPELLED_OUT: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue", ø: "oe", å: "aa", æ: "ae", œ: "oe", ł: "l", ı: "i", đ: "d", ð: "d", þ: "th" };
const TITLES = new Set(["dr", "prof", "mr", "mrs", "ms", "herr", "frau", "med", "jr", "sr"]);

const NOBODY: Hint = { id: "", issuer: "", name: "", birth: "" };

/** What a file says against this patient, also one that names nobody: nobody's picture is taken before the birth. */
export const against = (facts: Facts, person: Known): string[] => differences(facts.patient ?? NOBODY, person, facts.capturedAt, facts.beforeBirth);

/** What differs, as words to show; empty if nothing does, or the file fits a record that was merged into this one. */
export function differences(hint: Hint, person: Known, capturedAt: string | null = null, beforeBirth = false): string[] {
  const all = records<Entry>(person).map((one) => different(hint, one, capturedAt, beforeBirth));
  return all.some((found) => found.length === 0) ? [] : all[0]!;
}

function different(hint: Hint, person: Entry, capturedAt: string | null, beforeBirth: boolean): string[] {
  const id = comparable(hint.issuer, person) ? number(hint.id) : "";
  const born = NO_BIRTH.has(hint.birth.trim()) ? "" : hint.birth.trim();
  const found: string[] = [];
  if (id && id !== number(person.mrn)) found.push("record number");
  const unborn = beforeBirth || (capturedAt !== null && capturedAt.slice(0, 10) < person.birthDate);
  if (person.birthDate && ((born && born !== person.birthDate) || unborn)) found.push("birth date");
  // Names are written in many ways: they count where number and birth date cannot both be compared, and no part is shared.
  if (found.length === 0 && !(id && born) && !alike(hint.name, person.name)) found.push("name");
  return found;
}

/** Whether the text can be a record number at all: not a word or zeros for one that nobody entered. */
export const isNumber = (text: string): boolean => number(text) !== "";

/** Whether the file says this patient's record number: it must be there, and not be that of another issuer. */
export const sameNumber = ({ id, issuer }: Pick<Hint, "id" | "issuer">, person: Known): boolean =>
  isNumber(id) && records<Entry>(person).some((one) => comparable(issuer, one) && number(id) === number(one.mrn));

/** Whether the name has a part in common with the patient's. */
export const sharesName = (said: string, person: Known): boolean => records<Entry>(person).some(({ name }) => shared(said, name));

/** Latin letters and others apart. */
function shared(said: string, known: string): boolean {
  const [[a, c], [b, d]] = [scripts(said), scripts(known)];
  return a.some((part) => b.includes(part)) || c.some((part) => d.some((two) => two.includes(part) || part.includes(two)));
}

/** Whether two names can be those of one person; true where they cannot be compared. */
function alike(said: string, known: string): boolean {
  const [[a, c], [b, d]] = [scripts(said), scripts(known)];
  return shared(said, known) || ((a.length === 0 || b.length === 0) && (c.length === 0 || d.length === 0));
}

/** The parts of a name in Latin letters, and those in others. */
function scripts(name: string): [string[], string[]] {
  const latin = (part: string): boolean => /^\p{Script=Latin}+$/u.test(part);
  const all = parts(name);
  return [all.filter(latin), all.filter((part) => !latin(part))];
}

/** The parts of a name in a form that can be compared; none if it stands for nothing. */
function parts(name: string): string[] {
  if (NOTHING.has(bare(name))) return [];
  const whole = fold(name.normalize("NFC"));
  return [...new Set([...plain(whole.replace(/[äöüøåæœłıđðþ]/g, (letter) => SPELLED_OUT[letter]!)), ...plain(whole)])];
}

/** Parts of two letters or more, without accents, titles, placeholders, and what a device could not write. */
function plain(name: string): string[] {
  const legible = name.split(/[\s^,=]+/).filter((word) => !/[?\uFFFD]/.test(word)).join(" ");
  const letters = legible.replace(/['’`]/g, "").normalize("NFKD").replace(/\p{M}/gu, "");
  return letters.split(/[^\p{L}]+/u).filter((part) => [...part].length > 1 && !TITLES.has(part) && !NOTHING.has(part));
}

/** Whether numbers of this issuer are the patient's kind of number. */
const comparable = (issuer: string, person: Entry): boolean => ["", folded(person.issuer)].includes(folded(issuer));

/** A record number, trimmed, whatever its case; leading zeros count. Nothing if it stands for nothing. */
function number(text: string): string {
  return NOTHING.has(bare(text)) || /^[0x]*$/.test(bare(text)) ? "" : folded(text);
}

const bare = (text: string): string => fold(text).replace(/[^\p{L}\p{N}]/gu, "");
const folded = (text: string): string => fold(text).split(/\s+/).filter(Boolean).join(" ");
/** Without the difference of capitals; ß and the final sigma are only lower case. */
export const fold = (text: string): string => text.toLowerCase().replace(/ß/g, "ss").replace(/ς/g, "σ");
