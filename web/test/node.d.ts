/** The few things of Node's own modules that the tests use; the pages themselves never see Node. */
declare module "node:test" {
  export function test(name: string, body: () => void | Promise<void>): void;
}
declare module "node:assert/strict" {
  interface Assert {
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    match(text: string, form: RegExp, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    ok(value: unknown, message?: string): void;
    rejects(promise: Promise<unknown>, expected?: unknown): Promise<void>;
  }
  const assert: Assert;
  export default assert;
}
declare module "node:crypto" {
  export function createHash(name: string): { update(data: Uint8Array | string): { digest(form: "hex"): string } };
}
declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}
declare module "node:zlib" {
  export function inflateSync(data: Uint8Array): Uint8Array;
}
declare const process: { env: Record<string, string | undefined> };
