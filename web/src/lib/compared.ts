/** Which paths were compared with the patients who are known: those that hold nothing beside what was answered. */
import { words } from "./path-words.ts";
import { isGeneral } from "./suggest.ts";

/** Characters of a folder's or file's name that the service looks at. */
const LONGEST = 200;
/** Characters of a record number that a path can be said to hold. */
const SHORTEST = 4;
/** Words side by side that are looked at as one name. */
const MOST = 3;

/** What of a text may name somebody: words long enough for a record number, and words side by side. Eyes, kinds and counters name nobody. */
function telling(text: string): string[] {
  const said = text.slice(0, LONGEST);
  const single = words(said);
  const parts = said.toLowerCase().split(/[\s_,;:()[\]{}+=&@#~'"/\\]+/).map((part) => part.replace(/\.[a-z0-9]{1,8}$/, ""));
  const numbers = [...single, ...parts].filter((one) => one.length >= SHORTEST && !isGeneral(one));
  return [...numbers, ...runs(single)];
}

/** Two words side by side, and up to `MOST`, none of them general. */
function runs(single: readonly string[]): string[] {
  const general = single.map(isGeneral);
  const found: string[] = [];
  for (let at = 0; at < single.length; at++) {
    for (let end = at; end < Math.min(at + MOST, single.length) && !general[end]; end++) if (end > at) found.push(single.slice(at, end + 1).join(" "));
  }
  return found;
}

export class Compared {
  private readonly known = new Set<string>();

  /** The service has answered for this folder or file name. */
  add(text: string): void {
    for (const one of telling(text)) this.known.add(one);
  }

  has(path: string): boolean {
    const at = path.lastIndexOf("/") + 1;
    return [path.slice(0, at), path.slice(at)].every((text) => telling(text).every((one) => this.known.has(one)));
  }
}
