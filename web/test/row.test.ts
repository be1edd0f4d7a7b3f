import assert from "node:assert/strict";
import { test } from "node:test";
import { rowWords } from "../src/elements/draft-row.ts";
import { type Facts, NO_FACTS, readFacts } from "../src/lib/facts.ts";

const NOBODY = { eye: null, kind: null, capturedAt: null };
const words = (facts: Facts, said = NOBODY): string => rowWords({ facts, said }, new Map(), 100);

test("a row says that a file has no time only where the file was read", () => {
  const png = new TextEncoder().encode("\u0089PNG\r\n");
  assert.match(words(NO_FACTS), /no time in the file/);
  assert.equal(words(readFacts(png, new Date())), "100 B · what the file says is read after sending");
  assert.match(words({ ...NO_FACTS, capturedAt: "2026-03-12T10:32:00" }), /from the file: 12 Mar 2026 10:32/);
});
