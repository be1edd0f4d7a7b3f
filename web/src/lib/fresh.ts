/** Asks what has newly been sent and checked; often while something is being checked, now and then otherwise. */
const OFTEN = 2_000;
const SELDOM = 10_000;
/** Nobody there for this long, in milliseconds: then nothing is asked, so that an idle session can end. */
const PRESENT = 90_000;

export function lookForFresh(page: Document): void {
  let touched = performance.now();
  let looked = performance.now();
  for (const sign of ["pointermove", "pointerdown", "keydown", "scroll", "focusin"]) {
    page.addEventListener(sign, () => (touched = performance.now()), { passive: true, capture: true });
  }
  setInterval(() => {
    const now = performance.now();
    const fresh = page.querySelector<HTMLElement>("#fresh");
    const every = Number(fresh?.dataset["waiting"]) > 0 ? OFTEN : SELDOM;
    if (!fresh || page.hidden || now - touched > PRESENT || now - looked < every) return;
    looked = now;
    fresh.dispatchEvent(new Event("look"));
  }, 500);
}
