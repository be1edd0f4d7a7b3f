/** Which paths were compared with the patients who are known: those that hold nothing beside what was answered. */
import { words } from "./path-words.ts";
import { isGeneral } from "./suggest.ts";

/** Characters of a folder's or file's name that the service looks at. */
const LONGEST = 200;
/** Characters of a record number that a path can be said to hold. */
const SHORTEST = 4;

/** What of a text may name somebody: words long enough for a record number, and two words side by side. Eyes, kinds and counters name nobody. */
function telling(text: string): string[] {
  const said = text.slice(0, LONGEST);
  const single = words(said);
  const parts = said.toLowerCase().split(/[\s_,;:()[\]{}+=&@#~'"/\\]+/).map((part) => part.replace(/\.[a-z0-9]{1,8}$/, ""));
  const numbers = [...single, ...parts].filter((one) => one.length >= SHORTEST && !isGeneral(one));
  const general = single.map(isGeneral);
  return [...numbers, ...single.flatMap((word, at) => (at > 0 && !general[at - 1] && !general[at] ? [`${single[at - 1]} ${word}`] : []))];
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
