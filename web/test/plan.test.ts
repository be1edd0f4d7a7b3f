import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { blockId, blockUrl, blocksDigest, concatenated, range, toHex } from "../src/lib/plan.ts";

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

test("block ids are of one length and hold index and digest", () => {
  const id = blockId(258, sha("a"));
  const raw = Uint8Array.from(atob(id), (char) => char.charCodeAt(0));
  assert.equal(raw.length, 36);
  assert.deepEqual([...raw.slice(0, 4)], [0, 0, 1, 2]);
  assert.equal(toHex(raw.slice(4)), sha("a"));
  assert.equal(blockId(0, sha("b")).length, id.length);
});

test("a block's address survives the reading of its query", () => {
  for (let index = 0; index < 200; index++) {
    const id = blockId(index, sha(String(index)));
    const url = new URL(blockUrl("https://x.example/intake/00/u?sig=s%2B", index, sha(String(index))));
    assert.equal(url.searchParams.get("blockid"), id);
    assert.equal(url.searchParams.get("comp"), "block");
    assert.equal(url.searchParams.get("sig"), "s+");
  }
});

test("ranges cover the file once, the last one is shorter", () => {
  assert.deepEqual([0, 1, 2].map((index) => range(index, 8, 20)), [[0, 8], [8, 16], [16, 20]]);
});

test("the digest of a block plan is taken over the raw digests in order", () => {
  const parts = [sha("a"), sha("b")];
  assert.equal(toHex(concatenated(parts)), parts.join(""));
  assert.equal(blocksDigest(8, "ff"), "sha256-blocks-8:ff");
});
