/** Single keys: can be switched off, never fire while somebody types, and are listed in a dialog on `?`. */
import { alone, typing } from "./keys.ts";

const STORE = "single-keys";

export const on = (): boolean => localStorage.getItem(STORE) !== "off";

/** Let `act` have the keys that come alone; it says whether it took one. The dialog belongs to the page. */
export function takeKeys(act: (key: string, event: KeyboardEvent) => boolean): void {
  const help = document.querySelector<HTMLDialogElement>("dialog[data-keys]");
  const choice = help?.querySelector<HTMLInputElement>("[data-keys-on]");
  if (choice) {
    choice.checked = on();
    choice.addEventListener("change", () => localStorage.setItem(STORE, choice.checked ? "on" : "off"));
  }
  for (const button of document.querySelectorAll("[data-keys-open]")) button.addEventListener("click", () => help?.showModal());
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (!alone(event) || typing(target) || help?.open || event.defaultPrevented) return;
    if (event.key === "?") {
      help?.showModal();
      event.preventDefault();
      return;
    }
    // Space on a button presses it, arrows on a slider move it.
    if (event.key === " " && target.closest("button, a, summary, input")) return;
    if (target.closest("input[type=range], [role=slider]")) return;
    if (event.key.length === 1 && !on()) return;
    if (act(event.key, event)) event.preventDefault();
  });
}
