/** What kind of picture a DICOM file holds, as far as its class or modality leaves no choice. Of photographs the worker decides. */
export interface Read {
  text(tag: string): string;
  word(tag: string): string;
  texts(tag: string): string[];
}

const CLASS = "1.2.840.10008.5.1.4.1.1.";
const [OPT, EN_FACE, VOLUME_ANALYSIS] = ["4", "7", "8"].map((last) => `${CLASS}77.1.5.${last}`) as [string, string, string];
const ULTRASOUND = new Set(["6.1", "3.1", "6.2"].map((last) => CLASS + last));
const PHOTOGRAPHY = new Set(["1", "2"].map((last) => `${CLASS}77.1.5.${last}`));
const MODALITIES: Readonly<Record<string, string>> = { XC: "external", OPV: "visual_field", OAM: "biometry", DOC: "document" };
const ANGIOGRAPHY = /\b(?:OCTA|ANGIO\w*|FLOW)\b/i;

export function readKind(header: Read): string | null {
  const object = header.text("x00080016");
  const modality = header.word("x00080060");
  if (object === `${CLASS}104.1`) return "document";
  const derived = object === EN_FACE || object === VOLUME_ANALYSIS || modality === "OPTENF" || modality === "OPTBSV";
  if (derived || object === OPT || modality === "OPT") {
    const texts = [...header.texts("x00080008"), header.text("x0008103e")];
    return derived && texts.some((text) => ANGIOGRAPHY.test(text)) ? "octa" : "oct";
  }
  if (object === `${CLASS}82.1`) return "topography";
  if (ULTRASOUND.has(object) || modality === "US") return "ultrasound";
  // Colour, red-free, angiography: it takes light, filters and dyes to tell, which are not read here.
  if (PHOTOGRAPHY.has(object) || modality === "OP") return null;
  return MODALITIES[modality] ?? null;
}
