import assert from "node:assert/strict";
import { test } from "node:test";
import { drawable, isSystemFile, refusal } from "../src/lib/types.ts";

const taken = { most: 10, endings: new Set(["jpg", "png", "dcm", "vol", "e2e"]) };

test("empty, oversize and foreign files are refused before a byte is sent", () => {
  assert.ok(refusal("a.jpg", 0, taken)?.includes("empty"));
  assert.ok(refusal("a.jpg", 11, taken)?.includes("larger"));
  assert.ok(refusal("notes.docx", 5, taken)?.includes(".docx"));
  assert.ok(refusal("DICOMDIR", 5, taken)?.includes("directory"));
});

test("eye files pass, also DICOM files whose names have no ending or end in numbers", () => {
  for (const name of ["a.JPG", "b.png", "c.dcm", "volume.vol", "x.E2E", "IM000001", "1.2.840.10008.5"]) assert.equal(refusal(name, 5, taken), null, name);
});

test("files that systems leave lying about are known", () => {
  for (const name of [".DS_Store", "Thumbs.db", "desktop.ini", "._a.jpg"]) assert.ok(isSystemFile(name), name);
  assert.ok(!isSystemFile("fundus.jpg"));
});

test("only what the first bytes promise is drawn", () => {
  assert.equal(drawable(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)), "image/jpeg");
  assert.equal(drawable(new TextEncoder().encode("<svg onload=x>")), null);
});
