/** How a file is cut into blocks, and the names and digests that follow from it. */

/** Up to here a file is one PUT; its digest is its plain SHA-256 and is known before it is declared. */
export const SINGLE_LIMIT = 32 * 1024 * 1024;

/** The bytes of block `index`, as offsets into the file. */
export function range(index: number, blockSize: number, fileSize: number): [start: number, end: number] {
  return [index * blockSize, Math.min((index + 1) * blockSize, fileSize)];
}

/** Block id: base64 of 4 bytes of big-endian index and the block's 32-byte SHA-256, so every id has the same length. */
export function blockId(index: number, digest: string): string {
  const bytes = new Uint8Array(36);
  new DataView(bytes.buffer).setUint32(0, index);
  bytes.set(fromHex(digest), 4);
  return btoa(String.fromCharCode(...bytes));
}

/** The address of one block. Base64's + / = must not reach a query as they are. */
export function blockUrl(url: string, index: number, digest: string): string {
  return `${url}&comp=block&blockid=${encodeURIComponent(blockId(index, digest))}`;
}

/** The digest of a block plan is the SHA-256 over these bytes: the raw block digests, in order. */
export function concatenated(digests: readonly string[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32 * digests.length);
  digests.forEach((digest, index) => bytes.set(fromHex(digest), 32 * index));
  return bytes;
}

export const singleDigest = (hex: string): string => `sha256:${hex}`;
export const blocksDigest = (blockSize: number, hex: string): string => `sha256-blocks-${blockSize}:${hex}`;

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
