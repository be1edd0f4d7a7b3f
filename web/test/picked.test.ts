import assert from "node:assert/strict";
import { test } from "node:test";
import { Bulk, type Pick, chosen, contradicted, open, question, read, scans, shown, told } from "../src/lib/picked.ts";
import { NONE, all, extend, only, toggle } from "../src/lib/select.ts";

const one = (key: string, patient = "ada"): Pick => ({ key, ids: [key], patient, folded: false, shown: read(`${key}:0:`) });
const fold: Pick = { key: "fold", ids: ["x", "y", "z"], patient: "ada", folded: true, shown: read("x:0:OD y:1:OS z:2:") };
const page = [one("a"), one("b"), fold, one("c", "bea")];

test("a range and 'all' never take what is folded away", () => {
  for (const selection of [all(open(page)), extend(only("a"), open(page), "c")]) {
    assert.deepEqual(scans(chosen(selection, page)), ["a", "b", "c"]);
  }
});

test("a fold is chosen by its own box, and stands for all that it says", () => {
  const selection = toggle(only("a"), "fold");
  assert.deepEqual(scans(chosen(selection, page)), ["a", "x", "y", "z"]);
  assert.equal(told(chosen(selection, page)), "4 scans of 1 patient selected");
});

test("it says how many patients are concerned", () => {
  assert.equal(told(chosen(all(open(page)), page)), "3 scans of 2 patients selected");
  assert.equal(told(chosen(only("a"), page)), "1 scan of 1 patient selected");
  assert.equal(told(chosen(NONE, page)), "0 scans of 0 patients selected");
});

/** A small generator of numbers that are the same at every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * sides);
  };
}

test("a bulk act never changes a scan that the page did not show, whatever was clicked and whatever came or went", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const roll = dice(seed);
    let shown: Pick[] = Array.from({ length: 1 + roll(8) }, (_, n) => (roll(4) ? one(`${seed}-${n}`) : { ...fold, key: `f${n}`, ids: [`${n}x`, `${n}y`] }));
    let selection = NONE;
    const said = new Set<string>();
    for (let step = 0; step < 12; step++) {
      const pick = shown[roll(shown.length)]!;
      const act = roll(5);
      if (act === 0) selection = all(open(shown));
      else if (act === 1 && !pick.folded) selection = extend(selection, open(shown), pick.key);
      else if (act === 2 && shown.length > 1) shown = shown.filter((other) => other !== pick);
      else {
        selection = toggle(selection, pick.key);
        if (pick.folded) said.add(pick.key);
      }
      const changed = chosen(selection, shown);
      const visible = new Set(shown.flatMap(({ ids }) => ids));
      assert.ok(scans(changed).every((id) => visible.has(id)));
      // What lies in a fold is changed only if somebody ticked that fold.
      assert.ok(changed.every(({ key, folded }) => !folded || said.has(key)));
    }
  }
});

test("more than a hundred scans are several acts, and one that is tried again keeps its id", async () => {
  const ids = Array.from({ length: 230 }, (_, n) => String(n));
  const said: [string, number][] = [];
  let [made, fails] = [0, 1];
  const bulk = new Bulk(
    ids,
    async (act, some) => {
      said.push([act, some.length]);
      if (some[0] === "100" && fails-- > 0) throw new Error("no answer");
    },
    () => `act ${++made}`,
  );
  await assert.rejects(bulk.run());
  assert.equal(bulk.done, 100);
  await bulk.run();
  assert.equal(bulk.done, 230);
  assert.deepEqual(said, [["act 1", 100], ["act 2", 100], ["act 2", 100], ["act 3", 30]]);
});

test("what the page showed of each scan is sent with it", () => {
  assert.deepEqual(shown([fold, one("a"), one("a")]), [
    { id: "x", records: 0, eye: "OD" },
    { id: "y", records: 1, eye: "OS" },
    { id: "z", records: 2, eye: "" },
    { id: "a", records: 0, eye: "" },
  ]);
  assert.deepEqual(read(""), []);
});

test("an eye that files say otherwise is asked about, and what they say can be kept", () => {
  const some = read("a:0:OD b:0:OD c:0:OS d:0:");
  assert.equal(question(some, "OS"), "2 of 4: the file says OD.");
  assert.equal(question(some, "unknown"), "3 of 4: the file says OD or OS.");
  assert.equal(question(read("c:0:OS d:0:"), "OS"), "");
  assert.deepEqual(contradicted(some, "OS").map(({ id }) => id), ["a", "b"]);
});
