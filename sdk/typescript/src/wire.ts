/** Frames and envelopes (docs/fabric.md "Frames"): bytes to Message and back. */
import { createHash } from "node:crypto";
import { Malformed, SkepError, TooLarge } from "./errors.js";
import { message, textOf, type Conversation, type Json, type JsonObject, type Message, type Part } from "./message.js";

/** Of what a node sends. */
export const FRAME_BYTES_MAX = 131_072;
/** Of what a router hands on. */
export const STAMPED_BYTES_MAX = FRAME_BYTES_MAX + 1_024;
const TRACE_BYTES_MAX = 64;
const KINDS = ["user", "reply", "progress", "system"];
const PHASES = ["started", "text", "tool_start", "tool_end", "paused", "reset", "asks"];
const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Cuts a byte stream into frames. Throws TooLarge on a bad length: close the link then. */
export class FrameReader {
  private held: Buffer[] = [];
  private bytes = 0;

  push(data: Buffer): Buffer[] {
    this.held.push(data);
    this.bytes += data.length;
    const frames: Buffer[] = [];
    while (this.bytes >= 4) {
      const length = this.joined(4).readUInt32BE(0);
      if (length < 1 || length > STAMPED_BYTES_MAX)
        throw new TooLarge(`a frame of ${length} bytes; 1 to ${STAMPED_BYTES_MAX} are allowed`);
      if (this.bytes < 4 + length) break;
      const all = this.joined(4 + length);
      frames.push(all.subarray(4, 4 + length));
      this.held = [all.subarray(4 + length)];
      this.bytes -= 4 + length;
    }
    return frames;
  }

  /** Nothing of a next frame has come. */
  get empty(): boolean {
    return this.bytes === 0;
  }

  /** What is held, its first `bytes` in one piece. */
  private joined(bytes: number): Buffer {
    if ((this.held[0]?.length ?? 0) < bytes) this.held = [Buffer.concat(this.held)];
    return this.held[0]!;
  }
}

export function frame(body: Buffer): Buffer {
  if (body.length > FRAME_BYTES_MAX)
    throw new TooLarge(`the message is ${body.length} bytes as a frame; at most ${FRAME_BYTES_MAX} can be sent`);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// Reading --------------------------------------------------------------------------------------------------------------

function sections(body: Uint8Array): { routing: JsonObject; meta: JsonObject; payload: Json } {
  let envelope: unknown;
  try {
    envelope = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch (error) {
    throw new Malformed("", String(error));
  }
  if (!isObject(envelope) || !["routing", "meta", "payload"].every((part) => Object.hasOwn(envelope as object, part)))
    throw new Malformed("", 'no object with "routing", "meta" and "payload"');
  const { routing, meta, payload } = envelope;
  if (!isObject(routing)) throw new Malformed("routing", "no object");
  if (!isObject(meta)) throw new Malformed("meta", "no object");
  return { routing, meta, payload: payload as Json };
}

/** Takes members out of an object, checking their types. null is the same as absent. */
class Fields {
  readonly rest: JsonObject;
  constructor(members: JsonObject) {
    this.rest = { ...members };
  }
  private take(name: string): Json | undefined {
    if (!Object.hasOwn(this.rest, name)) return undefined;
    const value = this.rest[name];
    delete this.rest[name];
    return value === null ? undefined : value;
  }
  text(name: string): string {
    const value = this.take(name) ?? "";
    if (typeof value !== "string") throw new Malformed(name, "no text");
    return value;
  }
  flag(name: string): boolean {
    const value = this.take(name) ?? false;
    if (typeof value !== "boolean") throw new Malformed(name, "neither true nor false");
    return value;
  }
  number(name: string, most: number): number {
    const value = this.take(name) ?? 0;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most)
      throw new Malformed(name, `not from 0 to ${most}`);
    return value;
  }
  texts(name: string, ...members: string[]): string[] | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw new Malformed(name, "no object");
    return members.map((member) => {
      const text = value[member] ?? "";
      if (typeof text !== "string") throw new Malformed(name, "a member is no text");
      return text;
    });
  }
}

function readRouting(into: Message, routing: JsonObject): void {
  for (const name of ["src", "dst", "ttl", "trace_id"]) {
    if (!Object.hasOwn(routing, name) || (name !== "dst" && routing[name] === null)) throw new Malformed(name, "missing");
  }
  if (routing["dst"] === "") throw new Malformed("dst", "empty");
  const fields = new Fields(routing);
  into.src = fields.text("src");
  if (!isUuid(into.src)) throw new Malformed("src", "no UUID");
  into.dst = fields.text("dst") || null;
  into.ttl = fields.number("ttl", 255);
  into.trace = fields.text("trace_id");
  checkTrace(into.trace, () => new Malformed("trace_id", `not 1 to ${TRACE_BYTES_MAX} bytes`));
  into.srcName = fields.text("src_l2_name");
  into.vpn = fields.number("vpn", 2 ** 32 - 1);
}

function checkTrace(trace: string, error: () => SkepError): void {
  const bytes = Buffer.byteLength(trace);
  if (bytes < 1 || bytes > TRACE_BYTES_MAX) throw error();
}

/** Members that stay in `meta` but must be of their type. */
function checkPassedOn(meta: JsonObject): void {
  const fields = new Fields(meta);
  for (const name of ["msg", "target", "scope", "thread_id", "action_class"]) fields.text(name);
  fields.flag("ack");
  fields.number("thread_seq", 2 ** 64);
}

function readMeta(into: Message, meta: JsonObject): void {
  checkPassedOn(meta);
  const fields = new Fields(meta);
  const type = fields.text("type");
  if (!type) throw new Malformed("type", "missing");
  into.kind = (KINDS.includes(type) ? type : "control") as Message["kind"];
  if (into.kind === "control" && type !== "control") fields.rest["type"] = type;
  into.action = fields.text(type === "system" ? "msg" : "action");
  into.id = fields.text("id");
  into.inReplyTo = fields.text("in_reply_to");
  into.sentAt = fields.text("sent_at");
  const ilk = fields.rest["src_ilk"];
  if (typeof ilk === "string" && ilk.startsWith("ilk:") && isUuid(ilk.slice(4))) into.ilk = fields.text("src_ilk");
  const conversation = fields.texts("conversation", "channel", "peer", "thread", "entrypoint");
  if (conversation) {
    const [channel = "", peer = "", thread = "", entrypoint = ""] = conversation;
    into.conversation = { channel, peer, thread, ...(entrypoint && { entrypoint }) };
    if (fields.rest["thread_id"] === threadIdOf(into.conversation)) delete fields.rest["thread_id"];
  }
  const [from = "", to = ""] = fields.texts("reply_address", "from", "to") ?? [];
  into.replyAddress = { from, to };
  into.foreignId = fields.text("foreign_id");
  into.wantsProgress = fields.flag("wants_progress");
  const progress = fields.texts("progress", "phase", "text");
  if (progress) {
    const [phase = "", text = ""] = progress;
    if (!PHASES.includes(phase)) throw new Malformed("progress", `no phase "${phase}"`);
    into.progress = { phase, text };
  }
  if (into.dst === "broadcast") into.target = fields.text("target");
  into.meta = fields.rest;
}

function attachment(value: Json): Part {
  const ref = isObject(value) ? value : {};
  const name = ref["blob_name"] ?? "";
  return { type: "file", filename: ref["filename_original"] ?? "", media_type: ref["mime"] ?? "",
           size_bytes: ref["size"] ?? 0, url: name ? `blob:${String(name)}` : "" };
}

/** Puts a payload into `parts` when it is words, else (references to blobs too) into `payload`. */
export function readWords(into: Message, payload: Json): void {
  if (!isObject(payload) || payload["type"] !== "text") {
    into.payload = payload;
  } else if ("content_ref" in payload) {
    if ("content" in payload) throw new Malformed("payload", 'both "content" and "content_ref"');
    into.payload = payload;
  } else if ("parts" in payload) {
    const parts = payload["parts"];
    if (!Array.isArray(parts) || !parts.every((part) => isObject(part) && typeof part["type"] === "string"))
      throw new Malformed("payload", '"parts" is no list of parts');
    into.parts = parts as Part[];
  } else {
    const { content, attachments } = payload;
    if (typeof content !== "string") throw new Malformed("payload", 'a text needs "content" or "content_ref"');
    into.parts = [{ type: "text", text: content }, ...(Array.isArray(attachments) ? attachments.map(attachment) : [])];
  }
}

/** Throws Malformed. `field` is empty when the bytes are no envelope at all: then the link should end. */
export function readEnvelope(body: Uint8Array): Message {
  const { routing, meta, payload } = sections(body);
  const read = message();
  readRouting(read, routing);
  readMeta(read, meta);
  readWords(read, payload);
  return read;
}

// Writing --------------------------------------------------------------------------------------------------------------

function threadValue(value: string): string {
  if (value === "" || value === "-") return value ? "%2D" : "-";
  return value.replaceAll("%", "%25").replaceAll("|", "%7C");
}

export function threadIdOf({ channel, peer, thread, entrypoint = "" }: Conversation): string {
  const lower = channel.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const text = `v2|kind=direct_pair|channel_type=${threadValue(lower)}|entrypoint_id=${threadValue(entrypoint)}` +
    `|peer=${threadValue(peer)}|thread=${threadValue(thread)}`;
  return "thread:sha256:" + createHash("sha256").update(text).digest("hex");
}

function metaOf(from: Message): JsonObject {
  const { type: given = "control", ...passedOn } = from.meta;
  const type = from.kind === "control" ? String(given) : from.kind;
  if (from.kind === "control" && KINDS.includes(type)) throw new SkepError(`a control message cannot be of type "${type}"`);
  const fields: JsonObject = {
    type, [from.kind === "system" ? "msg" : "action"]: from.action, id: from.id, in_reply_to: from.inReplyTo,
    sent_at: from.sentAt, src_ilk: from.ilk, foreign_id: from.foreignId, wants_progress: from.wantsProgress,
    progress: from.progress && { ...from.progress }, target: from.dst === "broadcast" ? from.target : "",
  };
  const { conversation, replyAddress } = from;
  if (conversation.channel || conversation.peer || conversation.thread) {
    fields["conversation"] = { ...conversation };
    fields["thread_id"] = passedOn["thread_id"] ?? threadIdOf(conversation);
  }
  if (replyAddress.from || replyAddress.to) fields["reply_address"] = { ...replyAddress };
  return { ...passedOn, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) };
}

export function payloadOf(from: Message): Json {
  if (from.payload !== null || (from.parts.length === 0 && (from.kind === "system" || from.kind === "control")))
    return from.payload;
  const words: JsonObject = { type: "text", content: textOf(from), attachments: [] };
  if (from.parts.length !== 1 || from.parts[0]?.type !== "text") words["parts"] = from.parts;
  return words;
}

/** The JSON of a message; `src`, `ttl` and `trace` as they stand in it. */
export function writeEnvelope(from: Message): Buffer {
  const trace = from.trace || from.id;
  checkTrace(trace, () => new SkepError(`a message's trace has 1 to ${TRACE_BYTES_MAX} bytes`));
  const routing = { src: from.src, dst: from.dst, ttl: from.ttl, trace_id: trace };
  const text = JSON.stringify({ routing, meta: metaOf(from), payload: payloadOf(from) });
  // JSON.stringify writes half a character as an escape, which no router takes.
  if (/(?<!\\)(\\\\)*\\ud[89a-f]/.test(text)) throw new SkepError("the message holds half a character");
  return Buffer.from(text);
}
