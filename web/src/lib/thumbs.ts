/** Small local pictures of files that are not sent yet: decoded off the main thread, drawn on a canvas. */
import { Slots } from "./slots.ts";
import { drawable } from "./types.ts";

const WIDTH = 144;
// Decoded pictures are large; two at a time keep memory small and the page quick.
const slots = new Slots(2);

/** A canvas, or null for files that no browser can draw. */
export async function thumbnail(file: File): Promise<HTMLCanvasElement | null> {
  const type = drawable(new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  if (type === null) return null;
  return slots.run(async () => {
    const bitmap = await createImageBitmap(file.slice(0, file.size, type), { resizeWidth: WIDTH, resizeQuality: "medium" });
    const canvas = document.createElement("canvas");
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    return canvas;
  });
}
