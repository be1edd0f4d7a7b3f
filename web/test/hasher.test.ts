import assert from "node:assert/strict";
import { test } from "node:test";
import { FileChanged, type HashAnswer, type HashQuestion, Hasher } from "../src/lib/hasher.ts";

/** A worker that answers when told to. */
function port() {
  const asked: HashQuestion[] = [];
  let hear: (event: { data: HashAnswer }) => void = () => undefined;
  return {
    asked,
    answer: (answer: HashAnswer) => hear({ data: answer }),
    postMessage: (question: HashQuestion) => void asked.push(question),
    addEventListener: (_type: "message", listener: typeof hear) => void (hear = listener),
  };
}
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

test("two slices are hashed at a time, so that memory stays flat", async () => {
  const worker = port();
  const hasher = new Hasher(worker);
  const all = Promise.all(["a", "b", "c"].map((text) => hasher.hash(new Blob([text]))));
  await turn();
  assert.equal(worker.asked.length, 2);
  worker.answer({ id: 0, hex: "aa" });
  await turn();
  assert.equal(worker.asked.length, 3);
  worker.answer({ id: 2, hex: "cc" });
  worker.answer({ id: 1, hex: "bb" });
  assert.deepEqual(await all, ["aa", "bb", "cc"]);
});

test("what is about to be sent is hashed before what only waits", async () => {
  const worker = port();
  const hasher = new Hasher(worker);
  for (let waiting = 0; waiting < 5; waiting++) void hasher.hash(new Blob(["w"]), { idle: true });
  void hasher.hash(new Blob(["now!"]));
  worker.answer({ id: 0, hex: "aa" });
  await turn();
  assert.equal(worker.asked.at(-1)?.blob.size, 4);
});

test("a file that cannot be read any more is said, and the next one is hashed all the same", async () => {
  const worker = port();
  const hasher = new Hasher(worker);
  const first = hasher.hash(new Blob(["a"]));
  const second = hasher.hash(new Blob(["b"]));
  await turn();
  worker.answer({ id: 0, error: "NotReadableError" });
  await assert.rejects(first, (error: unknown) => error instanceof FileChanged);
  await turn();
  worker.answer({ id: 1, hex: "bb" });
  assert.equal(await second, "bb");
});
