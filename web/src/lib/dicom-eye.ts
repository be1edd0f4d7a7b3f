/** Which eye a DICOM file names, if it is of an eye at all. Source: DICOM PS3.3 C.8.17.5, PS3.16 CID 4209 and 4211. */
import type { Facts } from "./facts.ts";

type Eye = "OD" | "OS" | "OU" | "unknown";

/** What is read of a header here. */
export interface Read {
  text(tag: string): string;
  word(tag: string): string;
  items(tag: string): Read[];
  codes(tag: string): string[];
  has(prefix: string): boolean;
}

const EYES: Readonly<Record<string, Eye>> = { R: "OD", L: "OS", B: "OU", U: "unknown" };
/** Anatomic Region Modifier: SNOMED CT, and its predecessor SRT. */
const MODIFIERS: Readonly<Record<string, Eye>> = { "24028007": "OD", "7771000": "OS", "51440002": "OU", "G-A100": "OD", "G-A101": "OS", "G-A102": "OU" };
/** The eye and its parts in SNOMED CT; in SRT all of them begin with T-AA. */
const REGIONS = new Set([
  "3954005", "5665001", "13561001", "15775008", "18619003", "26386000", "28726007", "29445007", "29534007", "31636006", "38934000", "40638003",
  "41296002", "43045000", "53549008", "61242005", "62736007", "65431007", "67046006", "68703001", "76710003", "78076003", "79652003", "80243003",
  "81016008", "81745001", "280677004", "372242005",
]);
const EYE_PART = /EYE|OCUL|ORBIT|RETIN|CORNEA|MACUL|FUNDUS|OPHTH|OPTIC|CONJUNCTIV|IRIS|LENS|VITRE|AUGE|OEIL|OJO/;
/** What holds the eye: it says nothing for or against one. */
const AROUND = new Set(["HEAD", "FACE", "SKULL", "HEADNECK", "WHOLEBODY"]);
const MODALITIES = new Set(["OP", "OPT", "OPTENF", "OPTBSV", "OPV", "OPM", "OAM", "OCT", "IOL", "KER", "LEN", "AR", "SRF", "VA"]);
const CLASSES = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(77\.1\.5|78|79|80|81|82)\./;

/** null where nothing is said, or where two places disagree. Frames beyond the head are not seen. */
export function readEye(header: Read): Pick<Facts, "eye" | "contradicts"> {
  if (!ophthalmic(header)) return { eye: null, contradicts: false };
  const modifiers = header.items("x00082218").flatMap((region) => region.codes("x00082220")).map((code) => MODIFIERS[code]);
  const said = [EYES[header.word("x00200062")], ofFrames(header), EYES[header.word("x00240113")], EYES[header.word("x00200060")], ...modifiers];
  const found = new Set(said.filter((one) => one !== undefined));
  const [eye] = found.size === 1 ? found : [];
  return { eye: eye && eye !== "unknown" ? eye : null, contradicts: found.has("OD") && found.has("OS") };
}

/** Frames of both eyes are a picture of both. */
function ofFrames(header: Read): Eye | undefined {
  const groups = [...header.items("x52009229"), ...header.items("x52009230")];
  const named = new Set(groups.flatMap((group) => group.items("x00209071").slice(0, 1)).map((anatomy) => EYES[anatomy.word("x00209072")]).filter((one) => one !== undefined));
  if (named.size === 2 && named.has("OD") && named.has("OS")) return "OU";
  const [one] = named;
  return named.size > 1 ? "unknown" : one;
}

/** Whether the laterality is that of an eye: what the file names as its body part decides, then what kind of object it is. */
function ophthalmic(header: Read): boolean {
  const parts = [part(header.word("x00180015")), ...header.items("x00082218").map(region)];
  if (parts.includes("eye")) return true;
  if (parts.includes("other")) return false;
  return MODALITIES.has(header.word("x00080060")) || CLASSES.test(header.text("x00080016")) || header.has("x0022");
}

function part(text: string): "eye" | "other" | "" {
  const letters = text.toUpperCase().replace(/[^\p{L}]/gu, "");
  if (letters === "" || AROUND.has(letters)) return "";
  return EYE_PART.test(letters) ? "eye" : "other";
}

function region(item: Read): "eye" | "other" | "" {
  const code = item.text("x00080100");
  if (REGIONS.has(code) || code.startsWith("T-AA")) return "eye";
  return part(item.text("x00080104")) || (code ? "other" : "");
}
