/** Whether a file's header and the chosen patient are the same person. When in doubt they differ, and a person decides. */
import type { Hint } from "./facts.ts";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** `born` as pages write it: 21 Mar 1957. */
export function sameDay(born: string, iso: string): boolean {
  const [day, month, year] = born.toLowerCase().split(" ");
  const number = MONTHS.indexOf(month ?? "") + 1;
  return `${year}-${String(number).padStart(2, "0")}-${day?.padStart(2, "0")}` === iso;
}

/** What differs, as words to show; empty if nothing does. A number written otherwise is another number: zeros count. */
export function differences(hint: Hint, person: { name: string; born: string; mrn: string }): string[] {
  const found: string[] = [];
  if (hint.id && hint.id.toLowerCase() !== person.mrn.toLowerCase()) found.push("record number");
  if (hint.birth && !sameDay(person.born, hint.birth)) found.push("birth date");
  // Names are written in many ways; they count where nothing else can be compared, and no word is shared.
  if (!hint.id && !hint.birth && hint.name && !shared(hint.name, person.name)) found.push("name");
  return found;
}

function shared(one: string, other: string): boolean {
  const words = (text: string): string[] => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().split(/[^\p{L}]+/u).filter((word) => word.length > 1);
  const known = new Set(words(other));
  return words(one).some((word) => known.has(word));
}
