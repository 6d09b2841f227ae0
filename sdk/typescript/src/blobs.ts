/** Texts too long for a frame travel as files beside it (docs/fabric.md "Blobs"). */
import { createHash, randomBytes } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BlobMissing, TooLarge } from "./errors.js";
import type { Json, JsonObject, Message } from "./message.js";
import { isObject, payloadOf, readWords } from "./wire.js";

export const OFFLOAD_BYTES = 65_536;
export const OFFLOAD_OVERHEAD_BYTES = 2_048;
export const BLOB_BYTES_MAX = 100 * 1024 * 1024;
const NAME = /^[A-Za-z0-9._-]{1,100}_([0-9a-f]{16})\.[A-Za-z0-9]{1,10}$/;
const WAITS_MS = [100, 200, 400, 800, 1_600, 1_900]; // between looks; 5 s in all

/** A blob is written beside its place and renamed, so nobody reads half of one. */
export class BlobStore {
  constructor(readonly directory: string) {}

  async put(data: Buffer, stem: string, extension: string, mime: string): Promise<JsonObject> {
    if (data.length > BLOB_BYTES_MAX) throw new TooLarge(`a blob of ${data.length} bytes; at most ${BLOB_BYTES_MAX}`);
    const sha256 = createHash("sha256").update(data).digest("hex");
    const name = `${stem}_${sha256.slice(0, 16)}.${extension}`;
    await this.write(name, data);
    return { type: "blob_ref", blob_name: name, size: data.length, mime, filename_original: `${stem}.${extension}`,
             spool_day: new Date().toISOString().slice(0, 10), sha256 };
  }

  private async write(name: string, data: Buffer): Promise<void> {
    const place = this.pathOf(name);
    const staging = path.join(this.directory, "staging");
    await fs.mkdir(staging, { recursive: true, mode: 0o700 });
    await fs.mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
    const temporary = path.join(staging, `${name}.${process.pid}.${randomBytes(4).toString("hex")}`);
    try {
      const file = await fs.open(temporary, "wx", 0o600);
      try {
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
      await fs.rename(temporary, place);
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }

  private pathOf(name: string): string {
    const match = NAME.exec(name);
    if (!match?.[1] || name.length > 128) throw new BlobMissing(`"${name}" is no name of a blob`);
    return path.join(this.directory, "active", match[1].slice(0, 2), name);
  }

  /** Waits up to 5 s: the reference may be here before the file. */
  async get(ref: Json | undefined): Promise<Buffer> {
    const { blob_name: name, size, sha256 } = isObject(ref) ? ref : {};
    if (typeof name !== "string" || typeof size !== "number" || !(size >= 0 && size <= BLOB_BYTES_MAX))
      throw new BlobMissing("the reference to a blob has no good name or size");
    const place = this.pathOf(name);
    for (const wait of WAITS_MS) {
      if (await fs.access(place, constants.R_OK).then(() => true, () => false)) break;
      await sleep(wait);
    }
    const data = await read(place, size).catch((error: Error) => {
      throw new BlobMissing(`the blob ${name} is not there: ${error.message}`);
    });
    const digest = createHash("sha256").update(data).digest("hex");
    if (data.length !== size || NAME.exec(name)?.[1] !== digest.slice(0, 16) || (sha256 ?? digest) !== digest)
      throw new BlobMissing(`the blob ${name} is not what the reference says`);
    return data;
  }
}

async function read(place: string, size: number): Promise<Buffer> {
  if ((await fs.stat(place)).size !== size) return Buffer.alloc(0);
  return fs.readFile(place);
}

/** Moves the words of a message into blobs when they are too long for a frame. */
export async function offload(from: Message, store: BlobStore): Promise<void> {
  if (from.payload !== null || from.parts.length === 0) return;
  const payload = payloadOf(from) as JsonObject;
  if (Buffer.byteLength(JSON.stringify(payload)) + OFFLOAD_OVERHEAD_BYTES <= OFFLOAD_BYTES) return;
  const { content, parts, ...rest } = payload;
  rest["content_ref"] = await store.put(Buffer.from(String(content)), "content", "txt", "text/plain");
  if (parts !== undefined)
    rest["parts_ref"] = await store.put(Buffer.from(JSON.stringify(parts)), "parts", "json", "application/json");
  from.payload = rest;
  from.parts = [];
}

export function isOffloaded(of: Message): boolean {
  return isObject(of.payload) && of.payload["type"] === "text" && "content_ref" in of.payload;
}

/** The words of an offloaded message. Throws BlobMissing. */
export async function putBack(into: Message, store: BlobStore): Promise<void> {
  const { content_ref, parts_ref, ...rest } = into.payload as JsonObject;
  const data = await store.get(parts_ref ?? content_ref); // the words are within the parts, where there are parts
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    if (parts_ref !== undefined) rest["parts"] = JSON.parse(text) as Json;
    rest["content"] = text;
  } catch (error) {
    throw new BlobMissing(`a blob does not hold what it should: ${String(error)}`);
  }
  into.payload = null;
  readWords(into, rest);
}
