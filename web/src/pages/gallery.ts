import "htmx.org";
import "../styles/base.css";
import "../styles/patients.css";
import "../styles/searchbar.css";
import "../styles/gallery.css";
import "../styles/picks.css";
import "../elements/scan-picks.ts";
import { lookForFresh } from "../lib/fresh.ts";
import { tendPictures } from "../lib/pictures.ts";

tendPictures(document);
lookForFresh(document);

// A filter takes effect when it is changed; the button stays for keyboards that step through a date.
document.querySelector<HTMLFormElement>("[data-filters]")?.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement) event.target.form?.requestSubmit();
});

// Empty fields would only make the address longer.
document.querySelector<HTMLFormElement>("[data-filters]")?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

const search = document.querySelector<HTMLFormElement>("[data-search]");
const close = (): void => search?.querySelector("#patients-found")?.replaceChildren();
document.addEventListener("click", (event) => {
  if (event.target instanceof Node && !search?.contains(event.target)) close();
});
search?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const stops = [...search.querySelectorAll<HTMLElement>("input[type=search], .people a")];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  stops[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  event.preventDefault();
});
