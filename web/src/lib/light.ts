/** Reading pages are dark unless somebody wants them light; the choice is remembered in this browser. */
const STORE = "reading-light";

export function rememberLight(): void {
  const root = document.documentElement;
  const button = document.querySelector<HTMLButtonElement>("[data-light]");
  const show = (light: boolean): void => {
    root.dataset["theme"] = light ? "light" : "dark";
    button?.setAttribute("aria-pressed", String(light));
  };
  show(localStorage.getItem(STORE) === "yes");
  button?.addEventListener("click", () => {
    const light = root.dataset["theme"] === "dark";
    localStorage.setItem(STORE, light ? "yes" : "no");
    show(light);
  });
}
