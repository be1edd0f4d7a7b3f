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

test("a batch is read to its last page", async () => {
  const pages = [{ uploads: [{ id: "1" }], next: "x" }, { uploads: [{ id: "2" }], next: null }];
  const asked: string[] = [];
  const api = new Api(async (input) => (asked.push(String(input)), new Response(JSON.stringify(pages.shift()))));
  assert.deepEqual((await api.batch("b")).map(({ id }) => id), ["1", "2"]);
  assert.deepEqual(asked, ["/api/v1/uploads?batch=b", "/api/v1/uploads?batch=b&after=x"]);
});
