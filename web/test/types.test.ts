import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inflateSync } from "node:zlib";
import { drawable, isSystemFile, refusedByContents, refusedByName } from "../src/lib/types.ts";

const kinds = {
  jpeg: ["jpg", "jpeg", "jpe"], png: ["png"], webp: ["webp"], bmp: ["bmp"], tiff: ["tif", "tiff"], dicom: ["dcm", "dicom", "dic"], heidelberg_vol: ["vol"],
  heidelberg_e2e: ["e2e", "sdb"], heyex_xml: ["xml"], pdf: ["pdf"], topcon_fda: ["fda"], topcon_fds: ["fds"], cirrus_img: ["img"], oct: ["oct"], mp4: ["mp4", "m4v"], heic: ["heic"],
};
const taken = { most: 1 << 30, kinds };

test("empty, oversize and foreign files are refused before a byte is sent", () => {
  assert.equal(refusedByName("a.jpg", 0, taken), "empty");
  assert.equal(refusedByName("a.jpg", 11, { ...taken, most: 10 }), "file-too-large");
  assert.equal(refusedByName("notes.docx", 5, taken), "type");
  assert.equal(refusedByName("DICOMDIR", 5, taken), "fileset");
});

test("eye files pass, also DICOM files whose names have no ending or end in numbers", () => {
  for (const name of ["a.JPG", "b.png", "c.dcm", "volume.vol", "x.E2E", "IM000001", "1.2.840.10008.5", "a.jpg. ", ".dcm"]) assert.equal(refusedByName(name, 5, taken), null, name);
});

test("what the first bytes tell is refused with the worker's own code, and nothing that the worker takes", () => {
  const cases = JSON.parse(readFileSync("../tests/cases/refusals.json", "utf8")) as { about: string; name: string; page: string | null; deflated: string }[];
  assert.ok(cases.length > 40);
  for (const { about, name, page, deflated } of cases) {
    const data = new Uint8Array(inflateSync(Uint8Array.from(atob(deflated), (letter) => letter.charCodeAt(0))));
    assert.equal(refusedByName(name, data.length, taken) ?? refusedByContents(name, data.length, data, taken), page, `${name}: ${about}`);
  }
});

test("a beginning that is cut off by what was read says no more than the whole file would", () => {
  const cases = JSON.parse(readFileSync("../tests/cases/refusals.json", "utf8")) as { about: string; name: string; worker: string | null; deflated: string }[];
  for (const { about, name, worker, deflated } of cases) {
    const data = new Uint8Array(inflateSync(Uint8Array.from(atob(deflated), (letter) => letter.charCodeAt(0))));
    // Recognising needs four kilobytes at most, or all of a shorter file; only files that are taken are cut here.
    for (let cut = Math.min(data.length, 4096); worker === null && cut < data.length; cut += 997) {
      assert.equal(refusedByContents(name, data.length, data.subarray(0, cut), taken), null, `${name}: ${about}, ${cut} bytes`);
    }
  }
});

test("a file that cannot be read here is not refused here", () => {
  assert.equal(refusedByContents("a.jpg", 500, new Uint8Array(), taken), null);
});

test("files that systems leave lying about are known", () => {
  for (const name of [".DS_Store", "Thumbs.db", "desktop.ini", "._a.jpg"]) assert.ok(isSystemFile(name), name);
  assert.ok(!isSystemFile("fundus.jpg"));
});

test("only what the first bytes promise is drawn", () => {
  assert.equal(drawable(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)), "image/jpeg");
  assert.equal(drawable(new TextEncoder().encode("<svg onload=x>")), null);
});
