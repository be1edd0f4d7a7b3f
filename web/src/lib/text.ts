/** Texts that the browser makes itself; everything else is written by the server. */
import { Problem } from "./api.ts";
import { FileChanged } from "./hasher.ts";
import { AnotherFile, NotTaken } from "./send.ts";

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export const files = (count: number): string => (count === 1 ? "1 file" : `${count} files`);

/** What happened, whether the file is safe, and what to do; with a code for IT where it can do something. */
export function explain(error: unknown): string {
  if (error instanceof FileChanged) return "The device is still writing this file, or it was moved. Wait until it has finished, then add it again (E-FILE).";
  if (error instanceof AnotherFile) return "This is another file: it has the same name and size, but other contents. Nothing of it was sent. Choose the file that was begun (E-OTHER).";
  if (error instanceof NotTaken) {
    return error.code === "no answer"
      ? "The image storage cannot be reached. Your file is still with you. Try again; if it stays, tell IT (E-LINE)."
      : `The image storage did not take it. Your file is still with you. Try again; if it stays, tell IT (${error.code}).`;
  }
  if (error instanceof Problem) {
    if (error.status === 401) return "You have been signed out. Your file is still with you. Sign in in another tab, then try again.";
    return `${error.detail || `${error.title}.`} Your file is still with you.`;
  }
  return "Something went wrong here. Your file is still with you. Try again.";
}
