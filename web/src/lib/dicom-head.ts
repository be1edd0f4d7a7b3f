/** The tags of a DICOM file's first bytes that matter before it is sent. Source: DICOM PS3.6, PS3.3 C.8.17. */
import { type DataSet, parseDicom } from "dicom-parser";
import { type Facts, hint, isoDay, isoMoment } from "./facts.ts";

const PIXELS = "x7fe00010";
/** (0008,0005): the encodings that clinics use; all else reads as Latin 1, whose ASCII part is right anyway. */
const ENCODINGS: Readonly<Record<string, string>> = {
  "ISO_IR 192": "utf-8", "ISO_IR 101": "iso-8859-2", "ISO_IR 109": "iso-8859-3", "ISO_IR 110": "iso-8859-4", "ISO_IR 144": "iso-8859-5",
  "ISO_IR 127": "iso-8859-6", "ISO_IR 126": "iso-8859-7", "ISO_IR 138": "iso-8859-8", "ISO_IR 148": "windows-1254", "ISO_IR 13": "shift_jis",
  GB18030: "gb18030", GBK: "gbk",
};
/** (0008,0060), where it leaves no choice. */
const KINDS: Readonly<Record<string, string>> = { OPT: "oct", OPTBSV: "octa", OPTENF: "octa", DOC: "document", OPV: "visual_field", OAM: "biometry" };
const EYES: Readonly<Record<string, string>> = { R: "OD", L: "OS", B: "OU" };

export function readDicom(head: Uint8Array): Facts {
  const data = parsed(head);
  const text = (tag: string): string => decoded(data, tag);
  const eye = text("x00200062") || text("x00200060") || text("x00209072") || frameEye(data);
  const at = text("x0008002a");
  const captured = /^\d{12}/.test(at)
    ? isoMoment(at.slice(0, 8), at.slice(8))
    : isoMoment(text("x00080022") || text("x00080023") || text("x00080020"), text("x00080032") || text("x00080033") || text("x00080030"));
  const name = text("x00100010").split("=")[0]!.split("^").filter(Boolean);
  return {
    patient: hint(text("x00100020"), [name[0], name.slice(1).join(" ")].filter(Boolean).join(", "), isoDay(text("x00100030"))),
    eye: EYES[eye] ?? null,
    kind: KINDS[text("x00080060")] ?? null,
    capturedAt: captured,
  };
}

/** The file goes on behind the head, so the parser always runs into its end: what it read until then is what we want. */
function parsed(head: Uint8Array): DataSet {
  try {
    return parseDicom(head, { untilTag: PIXELS });
  } catch (error) {
    const partial = (error as { dataSet?: DataSet }).dataSet;
    if (!partial) throw error;
    return partial;
  }
}

/** Multi-frame files say it in the shared functional groups: (5200,9229) > (0020,9071) > (0020,9072). */
function frameEye(data: DataSet): string {
  const anatomy = data.elements["x52009229"]?.items?.[0]?.dataSet?.elements["x00209071"]?.items?.[0]?.dataSet;
  return anatomy ? decoded(anatomy, "x00209072") : "";
}

function decoded(data: DataSet, tag: string): string {
  const element = data.elements[tag];
  if (!element || element.length === 0 || element.dataOffset + element.length > data.byteArray.length) return "";
  const set = (data.string("x00080005") ?? "").split("\\").map((one) => one.trim());
  const encoding = set.map((one) => ENCODINGS[one.replace("ISO 2022 IR", "ISO_IR")]).find(Boolean) ?? "latin1";
  const bytes = Uint8Array.from(data.byteArray.subarray(element.dataOffset, element.dataOffset + element.length));
  return new TextDecoder(encoding).decode(bytes).replace(/[\0 ]+$/, "").trim();
}
