import assert from "node:assert/strict";
import { test } from "node:test";
import { type Face, type State, Watch } from "../src/lib/watch.ts";

const open = (locks_in: number): State => ({ locked: locks_in === 0, locks_in, account: "me", by: "password" });

function bench() {
  const said: boolean[] = [];
  const faces: Face[] = [];
  const pauses: number[] = [];
  const world = { answer: open(900) as State | "over" | Error, time: 0 };
  let next: () => void = () => {};
  const watch = new Watch(
    {
      ask: async (touched) => {
        said.push(touched);
        if (world.answer instanceof Error) throw world.answer;
        return world.answer;
      },
      show: (face) => faces.push(face),
      now: () => world.time,
      later: (milliseconds, act) => {
        pauses.push(milliseconds);
        next = act;
      },
    },
    "me",
  );
  const turn = async (): Promise<void> => {
    world.time += pauses.at(-1) ?? 0;
    next();
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { watch, said, faces, pauses, world, turn };
}

test("a touch is told with the next look, once", async () => {
  const { watch, said, turn } = bench();
  await watch.look();
  watch.touch();
  watch.touch();
  await turn();
  await turn();
  assert.deepEqual(said, [false, true, false]);
});

test("the page locks when the server says so, and opens when its person came back, here or in another tab", async () => {
  const { watch, faces, pauses, world, turn } = bench();
  await watch.look();
  world.answer = open(0);
  await turn();
  assert.deepEqual(faces, ["locked"]);
  assert.equal(pauses.at(-1), 3000);
  world.answer = open(900);
  await turn();
  assert.deepEqual(faces, ["locked", "open"]);
});

test("touching a locked page tells nothing", async () => {
  const { watch, said, world, turn } = bench();
  world.answer = open(0);
  await watch.look();
  watch.touch();
  await turn();
  assert.deepEqual(said, [false, false]);
});

test("without an answer the page locks when it would have, and a touch is not forgotten", async () => {
  const { watch, said, faces, world, turn } = bench();
  world.answer = open(30);
  await watch.look();
  watch.touch();
  world.answer = new Error("no net");
  await turn();
  assert.deepEqual(faces, []);
  await turn();
  assert.deepEqual(faces, ["locked"]);
  assert.deepEqual(said.slice(0, 3), [false, true, true]);
});

test("a page whose session is over, or is somebody else's now, never opens again", async () => {
  for (const answer of ["over", { ...open(900), account: "another" }] as const) {
    const { watch, faces, pauses, world } = bench();
    world.answer = answer;
    await watch.look();
    assert.deepEqual(faces, ["over"]);
    assert.deepEqual(pauses, []);
  }
});

test("it looks shortly after the lock is due, not only every while", async () => {
  const { watch, pauses, world } = bench();
  world.answer = open(5);
  await watch.look();
  assert.equal(pauses.at(-1), 5250);
});
