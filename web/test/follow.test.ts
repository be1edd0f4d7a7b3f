import assert from "node:assert/strict";
import { test } from "node:test";
import type { State, Upload } from "../src/lib/api.ts";
import { Follow } from "../src/lib/follow.ts";

const upload = (id: string, state: State): Upload => ({ id, ref: "", state, sentence: "", reason: null, scans: [] });

test("all that wait are asked about together, the oldest hundred first, until they have ended", async () => {
  const asked: string[][] = [];
  const ended = new Set<string>();
  await new Promise<void>((done) => {
    const follow = new Follow(async (ids) => (asked.push(ids), ids.map((id) => upload(id, "stored"))), () => Promise.resolve());
    for (let index = 0; index < 230; index++) {
      follow.add(`u${index}`, ({ id }) => {
        ended.add(id);
        if (ended.size === 230) done();
      });
    }
  });
  assert.deepEqual(asked.map((ids) => ids.length), [100, 100, 30]);
});

test("a question that fails is asked again, and what is still checked stays", async () => {
  let calls = 0;
  const states: string[] = [];
  await new Promise<void>((done) => {
    const follow = new Follow(
      async () => {
        if (calls++ === 0) throw new Error("down");
        return [upload("a", calls === 2 ? "verifying" : "rejected")];
      },
      () => Promise.resolve(),
    );
    follow.add("a", ({ state }) => (states.push(state), state === "rejected" && done()));
  });
  assert.deepEqual(states, ["verifying", "rejected"]);
});
