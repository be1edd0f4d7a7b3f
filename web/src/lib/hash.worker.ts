/** SHA-256 of one slice at a time. The slice is posted, not its bytes: they are read here, off the main thread. */
import type { HashAnswer, HashQuestion } from "./hasher.ts";
import { toHex } from "./plan.ts";

addEventListener("message", async ({ data }: MessageEvent<HashQuestion>) => {
  const answer = async (): Promise<HashAnswer> => {
    try {
      const digest = await crypto.subtle.digest("SHA-256", await data.blob.arrayBuffer());
      return { id: data.id, hex: toHex(new Uint8Array(digest)) };
    } catch (error) {
      return { id: data.id, error: error instanceof Error ? error.name : "Error" };
    }
  };
  postMessage(await answer());
});
