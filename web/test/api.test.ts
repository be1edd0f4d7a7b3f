import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, Problem } from "../src/lib/api.ts";
import { explain } from "../src/lib/text.ts";

const answering = (status: number, body: unknown, seen: Request[] = []): Api =>
  new Api(async (input, init) => {
    seen.push(new Request(new URL(String(input), "http://x"), { method: init?.method ?? "GET" }));
    return new Response(JSON.stringify(body), { status });
  });

test("a problem document is thrown with its slug, status and detail", async () => {
  const api = answering(413, { type: "http://x/problems/file-too-large", title: "File too large", status: 413, detail: "612 MB" });
  await assert.rejects(api.declare({ batch: "b", patient: "p", files: [] }), (error: unknown) => {
    return error instanceof Problem && error.slug === "file-too-large" && error.status === 413 && error.detail === "612 MB";
  });
});

test("no answer at all is a problem too, and is said in plain words", async () => {
  const api = new Api(() => Promise.reject(new TypeError("Failed to fetch")));
  const error = await api.grants(["a"]).catch((caught: unknown) => caught);
  assert.ok(error instanceof Problem && error.status === 0);
  assert.ok(!explain(error).includes("Failed to fetch"));
  assert.ok(explain(error).includes("still with you"));
});

test("an answer that is not JSON does not break the page", async () => {
  const api = new Api(async () => new Response("<html>", { status: 502 }));
  await assert.rejects(api.abandon("a"), (error: unknown) => error instanceof Problem && error.status === 502);
});

test("the heartbeat is told in the service's own time, because this computer's clock may be wrong", async () => {
  const headers = { date: "Sun, 22 Nov 2026 10:03:00 GMT" };
  const api = new Api(async () => new Response(JSON.stringify({ status: "ready", worker: "2026-11-22T10:02:00Z" }), { headers }));
  const { worker, now } = await api.heartbeat();
  assert.equal(now! - worker!, 60_000);
});
