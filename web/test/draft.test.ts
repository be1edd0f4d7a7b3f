import assert from "node:assert/strict";
import { test } from "node:test";
import { question } from "../src/lib/ask.ts";
import { Drafts, type Field, counts, declared, fileSays, needsEye, overrules } from "../src/lib/draft.ts";
import { type Facts, NO_FACTS } from "../src/lib/facts.ts";

const facts = (over: Partial<Facts> = {}): Facts => ({ ...NO_FACTS, ...over });

/** Numbers that look like chance and are the same each time. */
function dice(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 12_345;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("what a file says counts and is not declared; what a person said is", () => {
  const drafts = new Drafts();
  drafts.add("a", facts({ eye: "OD", kind: "oct", capturedAt: "2026-03-12T10:32:00" }));
  assert.equal(counts(drafts.get("a"), "eye"), "OD");
  assert.ok(!needsEye(drafts.get("a")));
  assert.deepEqual(declared(drafts.get("a")), { eye: null, kind: null, capturedAt: null });
  drafts.give(drafts.plan("eye", "OD", ["a"]), "all");
  assert.deepEqual(declared(drafts.get("a")), { eye: "OD", kind: null, capturedAt: null });
});

test("a file that contradicts itself needs an eye from a person", () => {
  const drafts = new Drafts();
  drafts.add("a", facts({ contradicts: true }));
  assert.ok(needsEye(drafts.get("a")));
  assert.deepEqual(drafts.plan("eye", "OS", ["a"]).against, []);
});

test("an act names every file that says something else, and keeping what files say leaves those alone", () => {
  const drafts = new Drafts();
  for (const [ref, eye] of [["a", "OD"], ["b", "OS"], ["c", null], ["d", "OU"]] as const) drafts.add(ref, facts({ eye }));
  const plan = drafts.plan("eye", "OS", ["a", "b", "c", "d", "c", "nobody"]);
  assert.deepEqual([plan.refs, plan.against], [["a", "b", "c", "d"], ["a", "d"]]);
  drafts.give(plan, "rest");
  assert.deepEqual(["a", "b", "c", "d"].map((ref) => drafts.get(ref).said.eye), [null, "OS", "OS", null]);
  drafts.give(plan, "all");
  assert.deepEqual(drafts.plan("eye", "OS", ["a", "d"]).against, [], "overruled once is not asked again");
  assert.deepEqual(drafts.plan("eye", "OD", ["a"]).against, [], "back to what the file says overrules nothing");
});

test("not known, kind not said and no time leave the file's own word", () => {
  const drafts = new Drafts();
  drafts.add("a", facts({ eye: "OD", kind: "oct", capturedAt: "2026-03-12" }));
  drafts.add("b", facts());
  for (const [field, value] of [["eye", "unknown"], ["kind", ""], ["capturedAt", null]] as const) {
    assert.deepEqual(drafts.plan(field, value, ["a"]).against, []);
    drafts.give(drafts.plan(field, value, ["a", "b"]), "all");
  }
  assert.deepEqual(declared(drafts.get("a")), { eye: null, kind: null, capturedAt: null });
  assert.deepEqual(declared(drafts.get("b")), { eye: "unknown", kind: null, capturedAt: null });
});

test("a time that only says it more exactly is not overruled, wherever the device stood", () => {
  process.env["TZ"] = "Europe/Berlin";
  const drafts = new Drafts();
  drafts.add("a", facts({ capturedAt: "2026-03-12T10:32:15+01:00" }));
  drafts.add("b", facts({ capturedAt: "2026-03-12T06:02:15-03:30" }));
  drafts.add("c", facts({ capturedAt: "2026-03-12T10:32:15-03:30" }));
  assert.deepEqual(drafts.plan("capturedAt", "2026-03-12T10:32", ["a", "b", "c"]).against, ["c"]);
  assert.deepEqual(drafts.plan("capturedAt", "2026-03-12T10:33", ["a", "b"]).against, ["a", "b"]);
});

test("another day than that of a doubtful time is asked about, another hour of its day is not", () => {
  const drafts = new Drafts();
  drafts.add("a", facts({ capturedAt: "2026-03-12T00:00:00", doubtful: true }));
  assert.deepEqual(drafts.plan("capturedAt", "2026-03-12T10:33", ["a"]).against, []);
  assert.deepEqual(drafts.plan("capturedAt", "2026-03-11T10:33", ["a"]).against, ["a"]);
});

test("undo takes the last act back, whole and nothing else", () => {
  const drafts = new Drafts();
  for (const ref of ["a", "b", "c"]) drafts.add(ref, facts());
  drafts.give(drafts.plan("eye", "OD", ["a", "b", "c"]), "all");
  drafts.giveEach("eye", new Map([["a", "OS"], ["b", "OU"]]));
  drafts.remove(["b"]);
  assert.deepEqual(drafts.undo(), ["a", "b"]);
  assert.deepEqual(["a", "c"].map((ref) => drafts.get(ref).said.eye), ["OD", "OD"]);
  drafts.undo();
  assert.deepEqual(drafts.get("a").said.eye, null);
  assert.deepEqual(drafts.undo(), []);
});

test("a bulk act never changes a row that it did not name, and never overrules a file that it did not count", () => {
  const eyes = ["OD", "OS", "OU", "unknown"] as const;
  const values: Record<Field, readonly (string | null)[]> = { eye: eyes, kind: ["oct", "color_fundus", "", null], capturedAt: ["2026-03-12T10:32", "2025-01-01T08:00", null] };
  for (let seed = 1; seed <= 300; seed++) {
    const roll = dice(seed);
    const drafts = new Drafts();
    const refs = Array.from({ length: 1 + roll(12) }, (_, index) => `r${index}`);
    for (const ref of refs) {
      const eye = [null, "OD", "OS", "OU"][roll(4)] as Facts["eye"];
      drafts.add(ref, facts({ eye, contradicts: eye === null && roll(5) === 0, kind: [null, "oct", "color_fundus"][roll(3)]!, capturedAt: [null, "2026-03-12T10:32:15", "2025-01-01"][roll(3)]! }));
    }
    const chosen = new Map(refs.map((ref) => [ref, { eye: new Set<string>(), kind: new Set<string>(), capturedAt: new Set<string>() }]));
    for (let act = 0; act < 25; act++) {
      const before = new Map(refs.map((ref) => [ref, drafts.get(ref)]));
      const named = refs.filter(() => roll(2) === 0);
      const field = (["eye", "kind", "capturedAt"] as const)[roll(3)]!;
      const value = values[field][roll(values[field].length)]!;
      if (roll(6) === 0) {
        const touched = new Set(drafts.undo());
        for (const ref of refs) if (!touched.has(ref)) assert.equal(drafts.get(ref), before.get(ref));
        continue;
      }
      const plan = drafts.plan(field, value, named);
      const which = roll(2) ? "all" : "rest";
      drafts.give(plan, which);
      for (const ref of refs) {
        const [was, is] = [before.get(ref)!, drafts.get(ref)];
        if (!named.includes(ref)) assert.equal(is, was, "a row that was not named");
        for (const other of ["eye", "kind", "capturedAt"] as const) if (other !== field) assert.equal(is.said[other], was.said[other]);
        if (overrules(was, field, value)) {
          if (named.includes(ref)) assert.ok(plan.against.includes(ref), "overruled, and not counted in the question");
          if (which === "rest") assert.equal(is, was, "overruled although what files say was to be kept");
        }
        if (named.includes(ref) && value) chosen.get(ref)![field].add(value);
      }
    }
    // Declared is a subset of what acts on that very row said.
    for (const ref of refs) {
      for (const [field, value] of Object.entries(declared(drafts.get(ref)))) if (value !== null) assert.ok(chosen.get(ref)![field as Field].has(value), `${field} ${value} of ${ref}`);
      assert.ok(counts(drafts.get(ref), "eye") === drafts.get(ref).said.eye || counts(drafts.get(ref), "eye") === fileSays(drafts.get(ref), "eye"));
    }
  }
});

test("the question counts what files say, and each answer says what it does", () => {
  assert.deepEqual(question(12, ["OD", "OD", "OD"], "OS"), { text: "3 of 12 files say OD.", all: "Give OS to all 12", keep: "Keep what the files say: OS to the other 9" });
  assert.deepEqual(question(12, ["OD"], "OS").text, "1 of 12 files says OD.");
  assert.deepEqual(question(3, ["OD", "OU", "OD"], "OS"), { text: "3 of 3 files say something else (2 OD, 1 OU).", all: "Give OS to all 3", keep: "Keep what the files say" });
  assert.deepEqual(question(1, ["OD"], "OS"), { text: "The file says OD.", all: "Give OS all the same", keep: "Keep what the file says" });
});
