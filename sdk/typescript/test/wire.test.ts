/** The codec against the wire files that all implementations share. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { message, wantsAck, SkepError, TooLarge, Malformed, type JsonObject, type Message } from "../src/index.js";
import { FRAME_BYTES_MAX, FrameReader, STAMPED_BYTES_MAX, frame, isUuid, readEnvelope, writeEnvelope } from "../src/wire.js";

const FILES = process.env["SKEP_WIRE_FILES"] ?? path.resolve("../../tests/wire");

function toOf(dst: string | null): string {
  return dst === null ? "null" : dst === "broadcast" ? "broadcast" : isUuid(dst) ? "node" : "name";
}

function envelopeOf(read: Message, meta: JsonObject): JsonObject {
  return { src: read.src, src_name: read.srcName, to: toOf(read.dst), dst: read.dst, ttl: read.ttl, trace: read.trace,
           vpn: read.vpn, type: meta["type"] ?? "", msg: meta["msg"] ?? "", target: meta["target"] ?? "",
           scope: meta["scope"] ?? "", thread_id: meta["thread_id"] ?? "", id: meta["id"] ?? "", ack: wantsAck(read),
           has_thread_seq: "thread_seq" in meta, has_action_class: "action_class" in meta };
}

function messageOf(read: Message): object {
  return { kind: read.kind, action: read.action, id: read.id, in_reply_to: read.inReplyTo, sent_at: read.sentAt,
           from: read.ilk, conversation: read.conversation, reply_address: read.replyAddress, foreign_id: read.foreignId,
           wants_progress: read.wantsProgress, progress: read.progress, parts: read.parts, payload: read.payload,
           meta: read.meta };
}

function checkGood(body: Buffer, reading: { envelope: JsonObject; message: JsonObject }): void {
  const read = readEnvelope(body);
  const { meta } = JSON.parse(body.toString()) as { meta: JsonObject };
  assert.deepEqual(envelopeOf(read, meta), reading.envelope);
  const payload = reading.message["payload"];
  assert.deepEqual(messageOf(read), { ...reading.message, payload: payload ? JSON.parse(String(payload)) : null });
  // What routers stamp is not written.
  assert.deepEqual(readEnvelope(writeEnvelope(read)), { ...read, srcName: "", vpn: 0 });
}

for (const file of fs.readdirSync(FILES).filter((name) => name.endsWith(".reading.json"))) {
  const reading = JSON.parse(fs.readFileSync(path.join(FILES, file), "utf8"));
  if (reading.by === "routers") continue;
  test(`reads ${file.replace(".reading.json", "")} as written`, () => {
    const body = fs.readFileSync(path.join(FILES, file.replace(".reading", "")));
    if (reading.error === undefined) return checkGood(body, reading);
    assert.throws(() => readEnvelope(body), (error: unknown) =>
      error instanceof Malformed && error.field === (reading.error === "invalid" ? reading.field : ""));
  });
}

test("all wire files are there", () => {
  assert.ok(fs.readdirSync(FILES).filter((name) => name.endsWith(".reading.json")).length >= 45);
});

test("round-trips every field", () => {
  const full = message({
    dst: "broadcast", kind: "progress", parts: [{ type: "text", text: "a" }, { type: "text", text: "b" }], id: "1",
    trace: "t", ttl: 3, src: "6f1c0000-0000-4000-8000-00000000000a", action: "do", inReplyTo: "0",
    sentAt: "2026-03-02T08:00:00Z", ilk: "ilk:6f1c0000-0000-4000-8000-00000000000b", target: "AI.*",
    conversation: { channel: "xmpp", peer: "ann@x.org", thread: "-" }, replyAddress: { from: "a", to: "b" },
    foreignId: "f", wantsProgress: true, progress: { phase: "text", text: "x" }, meta: { später: [1, null] } });
  assert.deepEqual(readEnvelope(writeEnvelope(full)), full);
});

test("refuses what cannot be written", () => {
  for (const bad of [message(), message({ trace: "t".repeat(65) }), message({ trace: "t", payload: "\ud800" }),
                     message({ trace: "t", kind: "control", meta: { type: "system" } })])
    assert.throws(() => writeEnvelope(bad), SkepError);
  assert.ok(writeEnvelope(message({ trace: "t", payload: "\\ud800 \ud83d\ude00" })));
  assert.throws(() => frame(Buffer.alloc(FRAME_BYTES_MAX + 1)), TooLarge);
});

test("cuts frames however they come", () => {
  const bodies = ["{}", "x".repeat(300), "y".repeat(70_000)];
  const all = Buffer.concat(bodies.map((body) => frame(Buffer.from(body))));
  for (const step of [1, 7, 4_096, all.length]) {
    const reader = new FrameReader();
    const got: string[] = [];
    for (let at = 0; at < all.length; at += step)
      got.push(...reader.push(all.subarray(at, at + step)).map(String));
    assert.deepEqual(got, bodies);
    assert.ok(reader.empty);
  }
});

test("refuses lengths of nothing and of too much", () => {
  for (const length of [0, STAMPED_BYTES_MAX + 1, 2 ** 32 - 1]) {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(length);
    assert.throws(() => new FrameReader().push(header), TooLarge);
  }
});
