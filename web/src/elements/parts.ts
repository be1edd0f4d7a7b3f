/** Finding and copying the server-made pieces of a page. */

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

/** Who a batch is about, as shown: always name, birth date and record number together. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly born: string;
  readonly mrn: string;
}

export function showPerson(root: ParentNode, person: Person): void {
  setText(root, "[data-name]", person.name);
  setText(root, "[data-born]", person.born);
  setText(root, "[data-mrn]", person.mrn);
}
