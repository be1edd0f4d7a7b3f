/** What headers, folders and file names suggest: which eye, which files belong together, and whose they are. A person confirms. */
import type { Hint } from "./facts.ts";
import { namedBy } from "./path-words.ts";
import { type Entry, type Known, differences, isNumber, records, sameNumber, sharesName } from "./who.ts";

const RIGHT = new Set(["od", "re", "r", "right", "rechts", "droit", "droite", "derecho"]);
const LEFT = new Set(["os", "le", "l", "left", "links", "gauche", "izquierdo"]);
const BOTH = new Set(["ou", "both"]);

/** The eye that a path seems to name, the file's own name first; null if none, or two. */
export function suggestedEye(path: string): string | null {
  for (const part of path.split("/").reverse()) {
    const words = part.replace(/\.[a-z0-9]+$/i, "").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z]+/);
    const eyes = [["OD", RIGHT], ["OS", LEFT], ["OU", BOTH]] as const;
    const said = eyes.filter(([, names]) => words.some((word) => names.has(word)));
    if (said.length > 0) return said.length === 1 ? said[0]![0] : null;
  }
  return null;
}

/** Words that folders have beside patients' names: what was taken, how it was exported, and the numbers that cameras give. */
const GENERAL = /^(?:oct|octa|faf|fa|ffa|icg|ir|fundus|colou?r|redfree|photos?|images?|pictures?|scans?|series|stud(?:y|ies)|visit|export|exports|raw|vol|dicom|dcim|dcm|jpe?g|png|tiff?|macula|disc|optic|nerve|widefield|s\d+|se\d+|st\d+|\d{1,3}|\d+canon|\d+nikon)$/;
const DAY = /(?<!\d)(?:(?:19|20)\d\d([-_. ]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])|\d{1,2}[-_. ]\d{1,2}[-_. ](?:19|20)\d\d)(?!\d)/g;

/** Whether a folder's name says nothing about whose the files are: an eye, a kind, a day, a counter. */
export function isGeneral(folder: string): boolean {
  const words = folder.toLowerCase().replace(DAY, " ").split(/[\s_.-]+/).filter(Boolean);
  return words.every((word) => RIGHT.has(word) || LEFT.has(word) || BOTH.has(word) || GENERAL.test(word));
}

/** Which files belong together: the same patient in their headers, else the folders they lie in, but for those that say an eye, a kind or a day. */
export function groupKey(path: string, patient: (Pick<Hint, "id" | "name" | "birth"> & { issuer?: string }) | null): string {
  if (patient?.id) return `patient/${patient.issuer ?? ""}/${patient.id}`.toLowerCase();
  if (patient && (patient.name || patient.birth)) return `patient/${patient.name}/${patient.birth}`.toLowerCase();
  return `folder/${path.split("/").slice(0, -1).filter((folder) => !isGeneral(folder)).join("/")}`;
}

/** One file as far as it says whose it is. `named`: ids of the known patients whom its path names. */
export interface Filed {
  readonly path: string;
  readonly patient: Hint | null;
  readonly named: readonly string[];
}

/**
 * The group of each file. Files without a header lie with those of the one patient whom the headers in their folder name;
 * those of one folder whose paths name several patients part.
 */
export function grouping(files: readonly Filed[]): string[] {
  const headers = new Map<string, Set<string>>();
  const names = new Map<string, Set<string>>();
  const note = (all: Map<string, Set<string>>, folder: string, key: string): void => void all.set(folder, (all.get(folder) ?? new Set()).add(key));
  for (const { path, patient, named } of files) {
    const [folder, key] = [groupKey(path, null), groupKey(path, patient)];
    if (key !== folder) note(headers, folder, key);
    else for (const id of named) note(names, folder, id);
  }
  return files.map(({ path, patient, named }) => {
    const [folder, key] = [groupKey(path, null), groupKey(path, patient)];
    if (key !== folder) return key;
    if ((names.get(folder)?.size ?? 0) > 1 && named.length === 1) return `named/${named[0]}/${folder}`;
    const said = headers.get(folder);
    return said?.size === 1 ? [...said][0]! : folder;
  });
}

/** Somebody whom files may belong to. */
export interface Candidate extends Known {
  readonly id: string;
}

/** What one group of files says about whose it is. `named`: for each file, the known patients whom its path names. */
export interface Evidence<P extends Candidate> {
  /** What headers say, each thing once. */
  readonly hints: readonly Hint[];
  /** How many of the files have no header that says anything. */
  readonly bare: number;
  readonly paths: readonly string[];
  readonly named: readonly (readonly P[])[];
  /** Whom a search for the header's number or name found. */
  readonly found: readonly P[];
}

/**
 * Whose the files may be. `sure`: their record number is this patient's and nothing contradicts, so that it may be confirmed
 * together with others; all else, a name alone above all, a person confirms by itself.
 */
export interface Suggestion<P> {
  readonly person: P;
  readonly by: "number" | "name";
  readonly sure: boolean;
}

/** Null if nothing is suggested, or several people at once. */
export function suggestion<P extends Candidate>(evidence: Evidence<P>): Suggestion<P> | null {
  const { hints, paths, named } = evidence;
  const people = [...new Map([...evidence.found, ...named.flat()].map((one) => [one.id, one])).values()];
  const numbers = people.filter((one) => hasNumber(evidence, one));
  const names = people.filter((one) => hasName(evidence, one));
  const [person] = numbers.length > 0 ? numbers : names;
  if (!person || (numbers.length > 0 ? numbers : names).length > 1) return null;
  const clean = hints.every((hint) => records<Entry>(person).some((one) => contradictions(hint, one).length === 0)) && named.every((some) => some.length === 0 || some.some(({ id }) => id === person.id));
  const every = hints.length > 0 ? evidence.bare === 0 && hints.every((hint) => sameNumber(hint, person)) : paths.every((path) => namedBy(path, person) === "number");
  return { person, by: numbers.length > 0 ? "number" : "name", sure: numbers.length > 0 && clean && every };
}

/** A number that cannot be compared, of another issuer or one that stands for nothing, is not this patient's. */
function hasNumber<P extends Candidate>({ hints, paths }: Evidence<P>, person: P): boolean {
  const said = hints.filter(({ id }) => isNumber(id));
  if (said.length > 0) return said.every((hint) => sameNumber(hint, person));
  return paths.some((path) => namedBy(path, person) === "number");
}

/** The name stands in a header or a path, and no header says anything against it. */
function hasName<P extends Candidate>({ hints, named }: Evidence<P>, person: P): boolean {
  if (hints.some((hint) => differences(hint, person).length > 0)) return false;
  return hints.some(({ name }) => sharesName(name, person)) || named.flat().some(({ id }) => id === person.id);
}

/** What stands in a header against this record, the name also where number and birth date agree. */
function contradictions(hint: Hint, person: Entry): string[] {
  return [...differences(hint, person), ...differences({ ...hint, id: "", birth: "" }, person)];
}
