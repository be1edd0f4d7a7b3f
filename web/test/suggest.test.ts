import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MOST_QUESTIONS, MOST_WORDS, namedBy, namesPerson, questions, words } from "../src/lib/path-words.ts";
import { groupKey, grouping, isGeneral, suggestion } from "../src/lib/suggest.ts";

const ada = { id: "a", name: "Example, Ada", birthDate: "1957-03-21", mrn: "0012345", issuer: "clinic" };
const bea = { id: "b", name: "Other, Bea", birthDate: "1960-01-02", mrn: "0077", issuer: "clinic" };
const hint = (over: object = {}) => ({ id: "", issuer: "", name: "", birth: "", ...over });
const nothing = { hints: [], bare: 0, paths: [], named: [], found: [] };

test("a path names a number or a full name as on the service", () => {
  const cases = JSON.parse(readFileSync("../tests/cases/path_words.json", "utf8")) as { path: string; mrn: string; name: string; by: string | null }[];
  assert.ok(cases.length > 15);
  for (const one of cases) assert.equal(namedBy(one.path, one), one.by, one.path);
});

test("the service is asked in questions of bounded size, folders first", () => {
  const paths = Array.from({ length: 400 }, (_, index) => `day/patient${index % 7}/img${index}_OD.jpg`);
  const asked = questions(paths);
  assert.ok(asked.length > 1 && asked.length <= MOST_QUESTIONS);
  for (const texts of asked) assert.ok(texts.length <= 50 && new Set(texts.flatMap(words)).size <= MOST_WORDS);
  for (let index = 0; index < 7; index++) assert.ok(asked[0]!.includes(`day/patient${index}/`));
  assert.deepEqual(questions([]), []);
});

test("a name is asked about although each of its words stood in another one", () => {
  const paths = ["Anna_Schmidt_OD.jpg", "Bob_Meyer_OD.jpg", "Anna_Meyer_OD.jpg"];
  assert.deepEqual(questions(paths), [paths]);
  assert.deepEqual(questions([...paths, "Anna_Meyer_OD_2.jpg", "OD_Bob_Meyer.jpg"]).flat(), [...paths, "OD_Bob_Meyer.jpg"], "what only a counter parts was asked about");
});

test("a thousand files that each name somebody else are all asked about", () => {
  const letters = (index: number): string => [...String(index)].map((digit) => "abcdefghij"[Number(digit)]).join("");
  const paths = Array.from({ length: 1000 }, (_, index) => `Name${letters(index)}_Given${letters(index)}_${10_000 + index}_OD.jpg`);
  assert.deepEqual(questions(paths).flat(), paths);
});

test("a name is asked about where it stands in a folder and the file's own name, or far behind in a long one", () => {
  const names = (path: string): boolean => questions([path]).flat().some((text) => namesPerson(text, ada.name));
  assert.ok(names("day/Example/Ada.jpg"));
  const letters = [..."abcdefghijklmnopqrstuvwxyz"].flatMap((one) => [one, `${one}${one}`, `${one}1`]).join(" ");
  for (let length = 0; length < 400; length += 7) {
    assert.ok(names(`${"x".repeat(length)}_Ada_Example/1.jpg`), String(length));
    const asked = questions([`${letters.slice(0, length)} Ada Example 1.jpg`]);
    assert.ok(asked.flat().some((text) => namesPerson(text, ada.name)), String(length));
    for (const texts of asked) assert.ok(texts.every((text) => text.length <= 200) && new Set(texts.flatMap(words)).size <= MOST_WORDS, String(length));
  }
});

test("folders of eyes, kinds, days and counters keep a patient's files together, all others part them", () => {
  for (const folder of ["OD", "left", "OCT macula", "2026-03-12", "20260312", "12.03.2026", "001", "100CANON", "Fundus_OS", "export"]) assert.ok(isGeneral(folder), folder);
  for (const folder of ["Ada", "00123", "visit3", "Roth", "OD Meyer", "room 1 Bea"]) assert.ok(!isGeneral(folder), folder);
  assert.equal(groupKey("day/ada/od/1.jpg", null), groupKey("day/ada/2026-03-12/os/2.jpg", null));
  assert.notEqual(groupKey("clinic/room/ada/1.jpg", null), groupKey("clinic/room/bob/1.jpg", null));
  assert.notEqual(groupKey("a/1.dcm", hint({ id: "7", issuer: "x" })), groupKey("a/1.dcm", hint({ id: "7", issuer: "y" })));
});

test("a record number that is one patient's, and nothing against it, is suggested to be confirmed with others", () => {
  const evidence = { ...nothing, hints: [hint({ id: "0012345", name: "EXAMPLE^ADA", birth: "1957-03-21" })], found: [ada, bea] };
  assert.deepEqual(suggestion(evidence), { person: ada, by: "number", sure: true });
});

test("a birth date or a name that contradicts is confirmed by itself", () => {
  for (const over of [{ birth: "1957-03-22" }, { name: "Quite, Another" }, { name: "Quite, Another", birth: "1957-03-21" }]) {
    const made = suggestion({ ...nothing, hints: [hint({ id: "0012345", ...over })], found: [ada] });
    assert.deepEqual([made?.person.id, made?.sure], ["a", false], JSON.stringify(over));
  }
});

test("a number that cannot be compared is nobody's: its name alone is suggested, and confirmed by itself", () => {
  for (const over of [{ id: "77", issuer: "elsewhere" }, { id: "0012345", issuer: "elsewhere" }, { id: "N/A" }, { id: "000000" }]) {
    const said = { ...nothing, found: [ada] };
    assert.deepEqual(suggestion({ ...said, hints: [hint({ ...over, name: "Example, Ada" })] }), { person: ada, by: "name", sure: false }, JSON.stringify(over));
    assert.equal(suggestion({ ...said, hints: [hint(over)] }), null, JSON.stringify(over));
    const mixed = suggestion({ ...said, hints: [hint({ id: "0012345", name: "Example, Ada" }), hint({ ...over, name: "Example, Ada" })] });
    assert.deepEqual([mixed?.person.id, mixed?.sure], ["a", false], JSON.stringify(over));
  }
});

test("a number or name from before two records were merged is the patient's own", () => {
  const merged = { ...ada, formerly: [{ name: "Former, Ada", birthDate: "1957-03-21", mrn: "F777", issuer: "clinic" }] };
  assert.deepEqual(suggestion({ ...nothing, hints: [hint({ id: "F777", name: "Former, Ada" })], found: [merged] }), { person: merged, by: "number", sure: true });
  assert.deepEqual(suggestion({ ...nothing, paths: ["F777_OD.jpg"], named: [[merged]] }), { person: merged, by: "number", sure: true });
  assert.deepEqual([namedBy("F777_OD.jpg", merged), namedBy("former_ada.jpg", merged), namedBy("F778.jpg", merged)], ["number", "name", null]);
});

test("a name alone is suggested to be confirmed by itself, and two people of that name are not", () => {
  const evidence = { ...nothing, hints: [hint({ name: "Example^Ada" })], found: [ada] };
  assert.deepEqual(suggestion(evidence), { person: ada, by: "name", sure: false });
  assert.equal(suggestion({ ...evidence, found: [ada, { ...ada, id: "c", mrn: "99" }] }), null);
});

test("a record number in every path is as good as in a header, in some of them it is not", () => {
  const paths = ["0012345/1.jpg", "0012345/2.jpg"];
  assert.deepEqual(suggestion({ ...nothing, paths, named: [[ada], [ada]] }), { person: ada, by: "number", sure: true });
  assert.deepEqual(suggestion({ ...nothing, paths: [...paths, "x.jpg"], named: [[ada], [ada], []] })?.sure, false);
  assert.equal(suggestion({ ...nothing, paths: ["0012345/1.jpg", "0077/1.jpg"], named: [[ada], [bea]] }), null);
});

test("a path that names somebody else than the header does is confirmed by itself", () => {
  const evidence = { ...nothing, hints: [hint({ id: "0012345" })], paths: ["0077/1.dcm"], named: [[bea]], found: [ada] };
  assert.deepEqual([suggestion(evidence)?.person.id, suggestion(evidence)?.sure], ["a", false]);
});

test("nobody known is nobody suggested", () => {
  assert.equal(suggestion(nothing), null);
  assert.equal(suggestion({ ...nothing, hints: [hint({ id: "404" })], found: [] }), null);
});

test("files without a header lie with the one patient whom the headers in their folder name", () => {
  const one = { path: "day/x/1.dcm", patient: hint({ id: "1" }), named: [] };
  const bare = { path: "day/x/2.jpg", patient: null, named: [] };
  const [a, b] = grouping([one, bare]);
  assert.equal(a, b);
  const [c, d, e] = grouping([one, bare, { path: "day/x/3.dcm", patient: hint({ id: "2" }), named: [] }]);
  assert.equal(new Set([c, d, e]).size, 3);
  assert.notEqual(grouping([one, { ...bare, path: "day/y/2.jpg" }])[1], a);
});

test("a group in which some files have no header is confirmed by itself", () => {
  const evidence = { ...nothing, hints: [hint({ id: "0012345" })], bare: 1, found: [ada] };
  assert.deepEqual(suggestion(evidence), { person: ada, by: "number", sure: false });
});

test("files of one folder whose paths name several patients part, and those of one patient do not", () => {
  const files = ["a", "a", "b", ""].map((id, index) => ({ path: `flat/${index}.jpg`, patient: null, named: id ? [id] : [] }));
  const keys = grouping(files);
  assert.deepEqual([keys[0] === keys[1], new Set(keys).size], [true, 3]);
  assert.equal(new Set(grouping(files.filter(({ named }) => named[0] !== "b"))).size, 1);
});
