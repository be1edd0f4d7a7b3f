/** Whom a path or file name names. The service has the same rules, and both are tested by the same cases. */

/** Different words, and paths, of one question to the service; and questions asked about one choice of files. */
export const MOST_WORDS = 50;
const MOST_PATHS = 50;
const MOST_QUESTIONS = 10;
/** Characters of a record number that a path can be said to hold: shorter ones stand in every file name by chance. */
const SHORTEST = 4;
/** Characters of a folder's or file's name that the service looks at. */
const LONGEST = 200;

/** The words of a path in their order, in small letters: letters and digits only, split everywhere else. */
export function words(text: string): string[] {
  return text.normalize("NFC").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
}

function numbers(text: string): Set<string> {
  const parts = text.normalize("NFC").toLowerCase().split(/[\s_,;:()[\]{}+=&@#~'"/\\]+/);
  const found = [...words(text), ...parts, ...parts.map((part) => part.replace(/\.[a-z0-9]{1,8}$/, ""))];
  return new Set(found.filter((one) => one.length >= SHORTEST));
}

export const namesNumber = (path: string, mrn: string): boolean => numbers(path).has(mrn.toLowerCase());

/** Whether the words of this name, two at least, stand side by side in the path, in any order. */
export function namesPerson(path: string, name: string): boolean {
  const wanted = words(name).sort();
  const found = words(path);
  return wanted.length > 1 && found.some((_, at) => same(found.slice(at, at + wanted.length).sort(), wanted));
}

const same = (one: readonly string[], other: readonly string[]): boolean => one.length === other.length && one.every((word, index) => word === other[index]);

/** By what the path names this patient: the record number says more than the name; null if by neither. */
export function namedBy(path: string, { mrn, name }: { mrn: string; name: string }): "number" | "name" | null {
  if (namesNumber(path, mrn)) return "number";
  return namesPerson(path, name) ? "name" : null;
}

/**
 * What to ask the service about these paths: folders first, then file names, in questions of bounded size.
 * Of thousands of file names only the first few hundred words are asked about: cameras count, patients stand in front.
 */
export function questions(paths: readonly string[]): string[][] {
  const folders = new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/") + 1)));
  const names = new Set(paths.map((path) => path.slice(path.lastIndexOf("/") + 1)));
  const asked: { texts: string[]; words: Set<string> }[] = [];
  const known = new Set<string>();
  for (const text of [...folders, ...names]) {
    const mine = words(text.slice(0, LONGEST));
    // A text of which every word was asked about already can name nobody new, but by their order; folders always count.
    if (mine.length === 0 || (!folders.has(text) && mine.every((word) => known.has(word)))) continue;
    let last = asked.at(-1);
    if (!last || last.texts.length >= MOST_PATHS || new Set([...last.words, ...mine]).size > MOST_WORDS) {
      if (asked.length >= MOST_QUESTIONS) break;
      last = { texts: [], words: new Set() };
      asked.push(last);
    }
    last.texts.push(text.slice(0, LONGEST));
    for (const word of mine) {
      last.words.add(word);
      known.add(word);
    }
  }
  return asked.map(({ texts }) => texts);
}
