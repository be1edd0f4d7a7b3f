import assert from "node:assert/strict";
import { test } from "node:test";
import { Compared } from "../src/lib/compared.ts";
import { questions } from "../src/lib/path-words.ts";

/** Everything that is asked about these paths is answered. */
function answered(paths: readonly string[]): Compared {
  const compared = new Compared();
  for (const text of questions(paths).flat()) compared.add(text);
  return compared;
}

test("a name is not compared because its words stand in the names of others", () => {
  const compared = new Compared();
  for (const text of ["Anna_Schmidt_OD.jpg", "Bob_Meyer_OD.jpg"]) compared.add(text);
  assert.ok(compared.has("Anna_Schmidt_OD.jpg") && compared.has("Bob_Meyer_OS_2.jpg"));
  assert.ok(!compared.has("Anna_Meyer_OD.jpg"));
  assert.ok(!compared.has("Carla/Bob_Meyer_OD.jpg"));
});

test("eyes, kinds and counters name nobody, and need no answer", () => {
  const compared = new Compared();
  for (const path of ["OD_1.jpg", "OS-12.jpg", "20260312/OD/fundus_007.jpg"]) assert.ok(compared.has(path), path);
  assert.ok(!compared.has("0012345_OD.jpg"));
});

test("of more names than are asked about, the rest is known to be not compared", () => {
  const paths = Array.from({ length: 4_000 }, (_, index) => `day/Surname${index}_Name${index}_OD.jpg`);
  const compared = answered(paths);
  const rest = paths.filter((path) => !compared.has(path)).length;
  assert.equal(rest, paths.length - questions(paths).flat().filter((text) => text.endsWith(".jpg")).length);
  assert.ok(rest > 0);
  assert.ok(paths.slice(0, 50).every((path) => answered(paths.slice(0, 50)).has(path)));
});
