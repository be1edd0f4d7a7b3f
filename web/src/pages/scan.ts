import "../styles/base.css";
import "../styles/scan.css";
import { Api } from "../lib/api.ts";
import { alone, typing } from "../lib/keys.ts";
import { tendPictures } from "../lib/pictures.ts";

const api = new Api();
tendPictures(document, api);

document.querySelector<HTMLButtonElement>("[data-original]")?.addEventListener("click", async ({ currentTarget }) => {
  const button = currentTarget as HTMLButtonElement;
  button.disabled = true;
  try {
    download(await api.original(button.dataset["original"]!));
  } catch (error) {
    say(error instanceof Error ? error.message : "The original cannot be fetched just now.");
  } finally {
    button.disabled = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (!alone(event) || event.shiftKey || typing(event.target as HTMLElement)) return;
  document.querySelector<HTMLAnchorElement>(`a[data-key="${CSS.escape(event.key)}"]`)?.click();
});

/** The link answers as an attachment, so the page stays where it is. */
function download(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.rel = "noreferrer";
  link.click();
}

function say(text: string): void {
  const place = document.querySelector("[data-original-say]");
  if (place) place.textContent = text;
}
