/** Keyboard: which key means which eye, and when a single key may be taken at all. */

export const EYES: Readonly<Record<string, string>> = { "1": "OD", "2": "OS", "3": "OU", "0": "unknown" };

export interface KeyLike {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** Whether the key came alone: no Ctrl, Alt or Command, which belong to browser and system. */
export const alone = (event: KeyLike): boolean => !event.ctrlKey && !event.altKey && !event.metaKey;

/** Whether somebody is typing or choosing there, so that letters and digits are theirs. */
export function typing(target: { tagName?: string; type?: string; isContentEditable?: boolean } | null): boolean {
  const tag = target?.tagName?.toUpperCase();
  if (tag === "INPUT") return !["checkbox", "radio", "button", "submit", "range"].includes(target?.type ?? "");
  return tag === "TEXTAREA" || tag === "SELECT" || target?.isContentEditable === true;
}
