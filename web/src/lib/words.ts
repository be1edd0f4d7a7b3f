/** A page with words that were typed and not sent asks before it is left. Nothing is kept in the browser's storage. */
export function keepWords(page: Document): void {
  let sent = false;
  page.addEventListener("submit", () => (sent = true));
  addEventListener("beforeunload", (event) => {
    const typed = [...page.querySelectorAll("textarea")].some((area) => area.value.trim() !== area.defaultValue.trim());
    if (typed && !sent) event.preventDefault();
  });
}
