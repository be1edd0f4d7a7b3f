/** Finding, copying and making the pieces of a page. */
import type { Entry } from "../lib/who.ts";

/** The element, which the template promises to hold. */
export function part<E extends Element = HTMLElement>(root: ParentNode, selector: string): E {
  const found = root.querySelector<E>(selector);
  if (!found) throw new Error(`the page lacks ${selector}`);
  return found;
}

/** A copy of a template's first element. */
export function copy(root: ParentNode, template: string): HTMLElement {
  const { content } = part<HTMLTemplateElement>(root, template);
  return (content.firstElementChild as HTMLElement).cloneNode(true) as HTMLElement;
}

export function setText(root: ParentNode, selector: string, text: string): void {
  const element = part(root, selector);
  if (element.textContent !== text) element.textContent = text;
}

export function button(text: string, act: () => void): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "button small";
  element.textContent = text;
  element.addEventListener("click", act);
  return element;
}

export function link(text: string, href: string): HTMLAnchorElement {
  const element = document.createElement("a");
  element.className = "button small";
  element.href = href;
  element.textContent = text;
  return element;
}

export function paragraph(text: string, style = ""): HTMLParagraphElement {
  const element = document.createElement("p");
  element.className = style;
  element.textContent = text;
  return element;
}

/** Who a batch is about, as shown: always name, birth date and record number together. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly born: string;
  readonly mrn: string;
  /** ISO, and who issued the number, where the page says so; to be compared and not to be shown. */
  readonly birthDate: string;
  readonly issuer: string;
  /** Why to look twice: somebody else has the same name, or the same surname and birth date; "" if nobody has. */
  readonly alike: string;
  /** Records that were merged into this one, for devices go on writing their numbers and names. */
  readonly formerly?: readonly Entry[];
}

/** One line: Example, Ada, 21 Mar 1957, MRN 0012. */
export const inLine = ({ name, born, mrn }: Person): string => `${name}, ${born}, MRN ${mrn}`;

export function showPerson(root: ParentNode, person: Person): void {
  setText(root, "[data-name]", person.name);
  setText(root, "[data-born]", person.born);
  setText(root, "[data-mrn]", person.mrn);
  const chip = root.querySelector<HTMLElement>("[data-alike-words]");
  if (!chip) return;
  chip.hidden = person.alike === "";
  chip.textContent = person.alike;
}

/** Lets a piece of the page stand for this patient, so that `personOf` reads it back. */
export function markPerson(element: HTMLElement, { id, birthDate, issuer, alike, formerly = [] }: Person): void {
  Object.assign(element.dataset, { patient: id, birth: birthDate, issuer, alike, formerly: JSON.stringify(formerly) });
}

/** The patient whom a piece of the page shows. */
export function personOf(option: HTMLElement): Person {
  const text = (selector: string): string => part(option, selector).textContent ?? "";
  const formerly = JSON.parse(option.dataset["formerly"] || "[]") as Entry[];
  return { formerly, id: option.dataset["patient"]!, name: text("[data-name]"), born: text("[data-born]"), mrn: text("[data-mrn]"), birthDate: option.dataset["birth"] ?? "", issuer: option.dataset["issuer"] ?? "", alike: option.dataset["alike"] ?? "" };
}

/** Who the service finds for a text. By POST: names must not stand in addresses. */
export const search = (text: string): Promise<Person[]> => people("/patients/search", [["q", text]]).catch(() => []);

/** Whom these folder and file names name. Raises if the service does not answer. */
export const named = (paths: readonly string[]): Promise<Person[]> => people("/patients/named", paths.map((path) => ["path", path]));

async function people(address: string, form: string[][]): Promise<Person[]> {
  const answer = await fetch(address, { method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams(form), credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [...page.querySelectorAll<HTMLElement>("[data-patient]")].map(personOf);
}

/** Pieces of a page made by one task: the page answers keys and clicks in between. */
const SLICE = 6;

/** Does the work for all, the first ones at once, the rest in tasks of their own. */
export function inSlices<T>(items: readonly T[], work: (item: T) => void): void {
  for (const item of items.slice(0, SLICE)) work(item);
  if (items.length > SLICE) setTimeout(() => inSlices(items.slice(SLICE), work));
}
