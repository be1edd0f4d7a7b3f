/** Whom a path or file name names. The service has the same rules, and both are tested by the same cases. */
import { fold, records } from "./who.ts";

/** Different words, and paths, of one question to the service. */
export const MOST_WORDS = 50;
const MOST_PATHS = 50;
/** Questions asked about one choice of files: enough for a thousand names, as many as may be declared at once. */
export const MOST_QUESTIONS = 80;
/** Characters of a record number that a path can be said to hold: shorter ones stand in every file name by chance. */
const SHORTEST = 4;
/** Characters of one text in a question. */
const LONGEST = 200;
/** A longer text is asked about in pieces of so many characters, each half of it in the one before: they hold at most MOST_WORDS words. */
const PIECE = 100;
/** Words side by side that the service looks at as one name. */
const LONGEST_NAME = 4;

/** The words of a path in their order, in small letters: letters and digits only, split everywhere else. */
export function words(text: string): string[] {
  return fold(text.normalize("NFC")).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
}

function numbers(text: string): Set<string> {
  const parts = fold(text.normalize("NFC")).split(/[\s_,;:()[\]{}+=&@#~'"/\\]+/);
  const found = [...words(text), ...parts, ...parts.map((part) => part.replace(/\.[a-z0-9]{1,8}$/, ""))];
  return new Set(found.filter((one) => one.length >= SHORTEST));
}

export const namesNumber = (path: string, mrn: string): boolean => numbers(path).has(fold(mrn));

/** Whether the words of this name, two at least, stand side by side in the path, in any order. */
export function namesPerson(path: string, name: string): boolean {
  const wanted = words(name).sort();
  const found = words(path);
  return wanted.length > 1 && found.some((_, at) => same(found.slice(at, at + wanted.length).sort(), wanted));
}

const same = (one: readonly string[], other: readonly string[]): boolean => one.length === other.length && one.every((word, index) => word === other[index]);

interface Named {
  readonly mrn: string;
  readonly name: string;
}

/**
 * By what the path names this patient, also by a record that was merged into the patient's: the record number says more
 * than the name; null if by neither.
 */
export function namedBy(path: string, person: Named & { readonly formerly?: readonly Named[] }): "number" | "name" | null {
  const all = records<Named>(person);
  if (all.some(({ mrn }) => namesNumber(path, mrn))) return "number";
  return all.some(({ name }) => namesPerson(path, name)) ? "name" : null;
}

/** What of a text may name somebody: what can be a record number, and words side by side. Counters name nobody. */
function telling(text: string): string[] {
  const found = words(text);
  const runs = found.flatMap((_, at) => Array.from({ length: LONGEST_NAME - 1 }, (_none, more) => found.slice(at, at + more + 2)).filter((run, more) => run.length === more + 2));
  const numbered = [...numbers(text)].filter((one) => !/^\d{1,3}\.[a-z0-9]{1,8}$/.test(one));
  return [...numbered, ...runs.filter((run) => !run.some((word) => /^\d{1,3}$/.test(word))).map((run) => run.join(" "))];
}

/**
 * What to ask the service about these paths: folders first, then file names, each with the folder it lies in, for a name may
 * stand in both. What holds nothing that was not asked about already is left out. Each question is of bounded size, and
 * so is their number.
 */
export function questions(paths: readonly string[]): string[][] {
  const folders = paths.map((path) => path.slice(0, path.lastIndexOf("/") + 1));
  const names = paths.map((path) => path.split("/").slice(-2).join("/"));
  const asked: { texts: string[]; words: Set<string> }[] = [];
  const known = new Set<string>();
  for (const text of [...new Set([...folders, ...names])].flatMap(pieces)) {
    const [mine, told] = [words(text), telling(text)];
    if (mine.length === 0 || told.every((one) => known.has(one))) continue;
    let last = asked.at(-1);
    if (!last || last.texts.length >= MOST_PATHS || new Set([...last.words, ...mine]).size > MOST_WORDS) {
      if (asked.length >= MOST_QUESTIONS) break;
      last = { texts: [], words: new Set() };
      asked.push(last);
    }
    last.texts.push(text);
    for (const word of mine) last.words.add(word);
    for (const one of told) known.add(one);
  }
  return asked.map(({ texts }) => texts);
}

function pieces(text: string): string[] {
  if (text.length <= LONGEST && new Set(words(text)).size <= MOST_WORDS) return [text];
  return Array.from({ length: Math.ceil(text.length / (PIECE / 2)) - 1 }, (_, index) => text.slice((index * PIECE) / 2, (index * PIECE) / 2 + PIECE));
}
