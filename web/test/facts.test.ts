import assert from "node:assert/strict";
import { test } from "node:test";
import { isoDay, isoTime } from "../src/lib/believed.ts";
import { type Facts, NO_FACTS, readFacts } from "../src/lib/facts.ts";
import { groupKey, suggestedEye } from "../src/lib/suggest.ts";
import { differences } from "../src/lib/who.ts";

const NOW = new Date("2026-11-22T10:00:00Z");
const read = (head: Uint8Array): Facts => readFacts(head, NOW, 60);

const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

/** A DICOM file, explicit little-endian, with these elements: [group, element, VR, text]. */
function dicom(...elements: [number, number, string, string | Uint8Array][]): Uint8Array {
  const parts: Uint8Array[] = [new Uint8Array(128), new TextEncoder().encode("DICM")];
  const add = (group: number, element: number, vr: string, value: string | Uint8Array): void => {
    let body = typeof value === "string" ? new TextEncoder().encode(value) : value;
    if (body.length % 2) body = new Uint8Array([...body, 32]);
    const head = new DataView(new ArrayBuffer(8));
    head.setUint16(0, group, true);
    head.setUint16(2, element, true);
    head.setUint8(4, vr.charCodeAt(0));
    head.setUint8(5, vr.charCodeAt(1));
    head.setUint16(6, body.length, true);
    parts.push(new Uint8Array(head.buffer), body);
  };
  add(0x0002, 0x0010, "UI", "1.2.840.10008.1.2.1\0");
  for (const element of elements) add(...element);
  return joined(...parts);
}

test("a DICOM header names patient, eye, kind and time", () => {
  const head = dicom(
    [0x0008, 0x0005, "CS", "ISO_IR 192"], [0x0008, 0x002a, "DT", "20261120093015.5+0100"], [0x0008, 0x0060, "CS", "OPT"],
    [0x0010, 0x0010, "PN", "Müller^Zoë"], [0x0010, 0x0020, "LO", "0012"], [0x0010, 0x0030, "DA", "19570321"], [0x0020, 0x0062, "CS", "R"],
  );
  assert.deepEqual(read(head), {
    patient: { id: "0012", issuer: "", name: "Müller, Zoë", birth: "1957-03-21" }, eye: "OD", contradicts: false, kind: "oct",
    capturedAt: "2026-11-20T09:30:15.500000+01:00", source: "dicom:0008,002A", doubtful: false, beforeBirth: false, unread: false,
  });
});

test("a header that is cut off by the end of the head says what it said until there", () => {
  const whole = dicom([0x0010, 0x0010, "PN", "Doe^J"], [0x0010, 0x0020, "LO", "77"], [0x0020, 0x4000, "LT", "x".repeat(9000)]);
  assert.equal(read(whole.subarray(0, 400)).patient?.id, "77");
});

test("Latin 1 and an encoding that is not named are read as such", () => {
  const name = Uint8Array.from([0x4d, 0xfc, 0x6c]);
  for (const set of ["ISO_IR 100", ""]) assert.equal(read(dicom([0x0008, 0x0005, "CS", set], [0x0010, 0x0010, "PN", name])).patient?.name, "Mül");
});

test("damaged, foreign and empty heads say nothing and break nothing", () => {
  const random = Uint8Array.from({ length: 3000 }, (_, index) => (index * 7919) % 251);
  const start = dicom([0x0010, 0x0020, "LO", "77"]);
  for (const head of [new Uint8Array(), random, Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, 0, 4, 0x45, 0x78]), new TextEncoder().encode("HSF-OCT-103")]) {
    assert.deepEqual(read(head), { ...NO_FACTS, unread: true });
  }
  for (let cut = 0; cut < start.length; cut++) read(start.subarray(0, cut));
});

test("Exif names the capture time, with its offset where it has one", () => {
  const tiff = new DataView(new ArrayBuffer(140));
  const entry = (at: number, tag: number, type: number, count: number, value: number): void => {
    tiff.setUint16(at, tag, true); tiff.setUint16(at + 2, type, true); tiff.setUint32(at + 4, count, true); tiff.setUint32(at + 8, value, true);
  };
  tiff.setUint16(0, 0x4949); tiff.setUint16(2, 42, true); tiff.setUint32(4, 8, true);
  tiff.setUint16(8, 1, true); entry(10, 0x8769, 4, 1, 30);
  tiff.setUint16(30, 2, true); entry(32, 0x9003, 2, 20, 80); entry(44, 0x9011, 2, 7, 110);
  const bytes = new Uint8Array(tiff.buffer);
  bytes.set(new TextEncoder().encode("2026:11:20 09:30:15\0"), 80);
  bytes.set(new TextEncoder().encode("+01:00\0"), 110);
  const size = 2 + 6 + bytes.length;
  const jpeg = joined(Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, size >> 8, size & 255]), new TextEncoder().encode("Exif\0\0"), bytes);
  assert.equal(read(jpeg).capturedAt, "2026-11-20T09:30:15+01:00");
});

test("a .vol header names eye, record number, birth date and exam", () => {
  const head = new DataView(new ArrayBuffer(2048));
  const bytes = new Uint8Array(head.buffer);
  bytes.set(new TextEncoder().encode("HSF-OCT-103\0"), 0);
  bytes.set(new TextEncoder().encode("OS\0\0"), 84);
  bytes.set(new TextEncoder().encode("00123"), 140);
  head.setFloat64(164, 20900, true);
  head.setBigUint64(88, 125911584000000000n + 12n * 36_000_000_000n + 2_500_000n, true);
  assert.deepEqual(read(bytes), {
    patient: { id: "00123", issuer: "", name: "", birth: "1957-03-21" }, eye: "OS", contradicts: false, kind: "oct",
    capturedAt: "2000-01-01T12:00:00.250000", source: "vendor", doubtful: false, beforeBirth: false, unread: false,
  });
});

test("days and times that cannot be are none", () => {
  for (const text of ["20261301", "00000000", "19", "", "20260230", "20261120x"]) assert.equal(isoDay(text), "", text);
  for (const text of ["2560", "9", "", "noon"]) assert.equal(isoTime(text), "", text);
  assert.equal(isoDay("2026.11.20"), "2026-11-20");
  assert.equal(isoTime("093060.25"), "09:30:59.250000");
});

test("file names suggest an eye only by whole words, the nearest word first, and never when they say two", () => {
  for (const [path, eye] of [
    ["IMG_OD_001.jpg", "OD"], ["x/left/fundus.dcm", "OS"], ["right/img_os.jpg", "OS"], ["MOdel.jpg", null], ["pod.jpg", null],
    ["OD_OS.jpg", null], ["scan-R.vol", "OD"], ["FundusLeft.png", "OS"], ["oculus.jpg", null], ["both ou.jpg", "OU"],
  ] as const) assert.equal(suggestedEye(path), eye, path);
});

test("what one header names belongs together, else what lies in one folder", () => {
  const hint = { id: "7", name: "A", birth: "" };
  assert.equal(groupKey("a/1.dcm", hint), groupKey("b/2.dcm", { ...hint, name: "A^B" }));
  assert.notEqual(groupKey("a/1.dcm", hint), groupKey("a/1.dcm", { ...hint, id: "8" }));
  assert.equal(groupKey("day/ada/od/1.jpg", null), groupKey("day/ada/os/2.jpg", null));
  assert.notEqual(groupKey("day/ada/1.jpg", null), groupKey("day/bob/1.jpg", null));
});

test("another number, another birth date, or quite another name is another patient; zeros in front count", () => {
  const person = { name: "Example, Ada", birthDate: "1957-03-21", mrn: "0012", issuer: "clinic" };
  const says = (id: string, name: string, birth: string): string[] => differences({ id, issuer: "", name, birth }, person);
  assert.deepEqual(says("0012", "EXAMPLE, ADA", "1957-03-21"), []);
  assert.deepEqual(says("12", "", ""), ["record number"]);
  assert.deepEqual(says("0012", "", "1957-03-22"), ["birth date"]);
  assert.deepEqual(says("", "Ada Éxample", ""), []);
  assert.deepEqual(says("", "Doe, Jane", ""), ["name"]);
});
