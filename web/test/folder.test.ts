import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_AT_ONCE, fromHandles, fromInput } from "../src/lib/folder.ts";

const file = (path: string): File => Object.assign(new File(["x"], path.split("/").at(-1)!), { webkitRelativePath: path.includes("/") ? path : "" });
const handle = (name: string, children?: FileSystemHandle[]): FileSystemHandle =>
  (children
    ? { kind: "directory", name, entries: async function* () { for (const child of children) yield [child.name, child]; } }
    : { kind: "file", name, getFile: async () => new File(["x"], name) }) as unknown as FileSystemHandle;

test("system files and hidden folders are left out and counted", () => {
  const gathered = fromInput(["a.jpg", "d/Thumbs.db", "d/.DS_Store", "d/.git/x", "__MACOSX/a", "d/e/b.dcm"].map(file));
  assert.deepEqual(gathered.chosen.map(({ path }) => path), ["a.jpg", "d/e/b.dcm"]);
  assert.equal(gathered.system, 4);
});

test("more than are taken at once are said, not taken", () => {
  const gathered = fromInput(Array.from({ length: MOST_AT_ONCE + 1 }, (_, index) => file(`${index}.jpg`)));
  assert.equal(gathered.chosen.length, MOST_AT_ONCE);
  assert.ok(gathered.over);
});

test("a folder is opened to its bottom, in the order people count", async () => {
  const tree = handle("day", [handle("10.jpg"), handle("9.jpg"), handle("sub", [handle("deep", [handle("1.jpg")])]), handle(".hidden", [handle("x")])]);
  const gathered = await fromHandles([tree, handle("lone.jpg")]);
  assert.deepEqual(gathered.chosen.map(({ path }) => path), ["day/9.jpg", "day/10.jpg", "day/sub/deep/1.jpg", "lone.jpg"]);
  assert.equal(gathered.system, 1);
});

test("files that are chosen come in the order people count, as those that are dropped", () => {
  const gathered = fromInput(["d/OD_10.jpg", "d/OD_1.jpg", "d/OD_0.jpg", "c/OD_2.jpg"].map(file));
  assert.deepEqual(gathered.chosen.map(({ path }) => path), ["c/OD_2.jpg", "d/OD_0.jpg", "d/OD_1.jpg", "d/OD_10.jpg"]);
});
