/** The link answers as an attachment, so the page stays where it is. */
export function download(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.rel = "noreferrer";
  link.click();
}
