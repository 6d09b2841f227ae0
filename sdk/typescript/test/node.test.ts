/** Nodes against a small router in this process. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BlobStore, BLOB_BYTES_MAX, OFFLOAD_BYTES, OFFLOAD_OVERHEAD_BYTES } from "../src/blobs.js";
import { BlobMissing, Closed, Evicted, LinkLost, QueueFull, Refused, Rejected, Unreachable, connect, message, textMessage,
         textOf, type JsonObject, type Node, type Options } from "../src/index.js";
import { fnv1a, routers } from "../src/place.js";
import { payloadOf } from "../src/wire.js";
import { ROUTER_ID, Router } from "./router.js";

let home: string, directory: string, router: Router, nodes: Node[];

beforeEach(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "skep-sdk-"));
  directory = path.join(home, "run", "fabric");
  fs.mkdirSync(directory, { recursive: true });
  router = new Router(path.join(directory, "RT.main.sock"));
  nodes = [];
  await router.start();
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close(0)));
  await router.stop();
  fs.rmSync(home, { recursive: true });
});

async function open(name = "AI.a", options: Options = {}): Promise<Node> {
  const node = await connect(directory, name, { ...options, limits: { backoffMs: 10, answerAfterMs: 200, ...options.limits } });
  nodes.push(node);
  return node;
}

async function until(check: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000; ++i) {
    if (check()) return;
    await sleep(10);
  }
  assert.fail("waited in vain");
}

test("says who it is and learns its name", async () => {
  const node = await open("AI.a", { token: "s3cret" });
  assert.deepEqual(router.hellos, [{ uuid: node.id, name: "AI.a", version: "1.0", token: "s3cret" }]);
  assert.deepEqual([node.name, node.zone, node.router, node.connected], ["AI.a@lab", 7, "RT.test@lab", true]);
});

test("a persistent id stays and an ephemeral one leaves no file", async () => {
  const first = await open();
  await first.close();
  assert.equal((await open()).id, first.id);
  assert.notEqual((await open("AI.b", { persistent: false })).id, first.id);
  assert.deepEqual(fs.readdirSync(path.join(directory, "ids")), ["AI.a.uuid"]);
});

test("a refusal is thrown", async () => {
  router.reject = { reason: "NAME_NOT_ALLOWED", message: "no" };
  await assert.rejects(open(), (error: unknown) =>
    error instanceof Rejected && error.reason === "NAME_NOT_ALLOWED" && error.permanent);
});

test("no router and a silent router are lost links", async () => {
  await assert.rejects(connect(home, "AI.a", { persistent: false }), LinkLost);
  await assert.rejects(connect(path.join(home, "no.sock"), "AI.a", { persistent: false }), LinkLost);
  router.silent = true;
  await assert.rejects(open("AI.a", { limits: { handshakeMs: 50 } }), LinkLost);
});

test("tries the routers in turn and no peer socket", async () => {
  fs.writeFileSync(path.join(directory, "AA.dead.sock"), "");
  fs.writeFileSync(path.join(directory, "peer-RT.main.sock"), "");
  assert.deepEqual(routers(directory, "AI.a").map((one) => path.basename(one)).sort(), ["AA.dead.sock", "RT.main.sock"]);
  assert.equal(fnv1a("AI.echo"), 9021898850638189850n);
  for (const name of ["AI.a", "AI.b", "AI.c"]) assert.ok((await open(name)).connected);
});

test("withdraws", async () => {
  const node = await open();
  await node.close();
  await until(() => router.actions().includes("WITHDRAW"));
  assert.deepEqual(router.frames.at(-1)?.payload, { uuid: node.id });
  await assert.rejects(node.receive(), Closed);
  await assert.rejects(node.sendText("AI.b@lab", "late"), Closed);
});

test("a message arrives acknowledged and once", async () => {
  const [a, b] = [await open("AI.a"), await open("AI.b")];
  let acks = 0;
  router.lose = ({ meta }) => meta["msg"] === "ACK" && ++acks === 1;
  await (await a.sendText("AI.b@lab", "hé")).taken();
  const got = await b.receive();
  assert.deepEqual([textOf(got), got.src, got.srcName], ["hé", a.id, "AI.a@lab"]);
  assert.equal(acks, 2);
  const more = b.receive();
  more.catch(() => {});
  assert.equal(await Promise.race([more, sleep(300, "silence")]), "silence");
});

test("request and reply", async () => {
  const [a, b] = [await open("AI.a"), await open("AI.b")];
  const echo = (async () => {
    for await (const got of b) await b.reply(got, textOf(got) + "!");
  })();
  const asked = Array.from({ length: 20 }, (_, i) => a.request("AI.b@lab", String(i), 20_000));
  const replies = await Promise.all(asked);
  assert.deepEqual(replies.map(textOf), Array.from({ length: 20 }, (_, i) => `${i}!`));
  assert.equal(replies[0]?.kind, "reply");
  await b.close();
  await echo;
});

test("nobody there is thrown", async () => {
  const node = await open();
  await assert.rejects(node.request("AI.gone@lab", "hello", 10_000), (error: unknown) =>
    error instanceof Unreachable && error.reason === "NODE_NOT_FOUND");
  await assert.rejects((await node.sendText("AI.gone@lab", "hello")).taken(), Unreachable);
});

test("a full inbox refuses visibly", async () => {
  const [a, b] = [await open("AI.a"), await open("AI.b", { limits: { receivedMessages: 2 } })];
  const sent = await Promise.all(Array.from({ length: 10 }, (_, i) => a.sendText("AI.b@lab", String(i))));
  const results = await Promise.allSettled(sent.map((one) => one.taken()));
  const taken = results.flatMap((one, i) => (one.status === "fulfilled" ? [String(i)] : []));
  for (const one of results) if (one.status === "rejected") assert.equal((one.reason as Refused).code, "exhausted");
  assert.equal(taken.length, 2);
  assert.deepEqual([textOf(await b.receive()), textOf(await b.receive())], taken);
});

test("unsent messages outlive the link", async () => {
  const [a, b] = [await open("AI.a"), await open("AI.b")];
  router.lose = () => true;
  const first = await a.sendText("AI.b@lab", "1");
  await until(() => router.frames.length > 0);
  await router.stop();
  await until(() => !a.connected);
  const second = await a.sendText("AI.b@lab", "2");
  router.lose = () => false;
  await router.start();
  await Promise.all([first.taken(), second.taken()]);
  assert.deepEqual([textOf(await b.receive()), textOf(await b.receive())], ["1", "2"]);
});

test("a full outbox refuses at once", async () => {
  const node = await open("AI.a", { limits: { unsentMessages: 2 } });
  router.lose = () => true;
  await node.sendText("AI.b@lab", "x");
  await node.sendText("AI.b@lab", "x");
  await assert.rejects(node.sendText("AI.b@lab", "x"), QueueFull);
});

test("a bad frame is dropped and the link lives", async () => {
  const node = await open();
  router.write(node.id, { routing: { src: ROUTER_ID, dst: node.id, ttl: 256, trace_id: "t" }, meta: { type: "user" },
                          payload: {} });
  router.say(node.id, "TIME_SYNC", { seq: 1 });
  const got = await node.receive();
  assert.deepEqual([got.action, got.payload, node.malformed], ["TIME_SYNC", { seq: 1 }, 1]);
});

test("what is no envelope ends the link, and it comes back", async () => {
  const node = await open();
  router.writeBytes(node.id, "[]");
  await until(() => router.hellos.length === 2 && node.connected);
});

test("evicted means over", async () => {
  const node = await open();
  router.say(node.id, "EVICTED", {});
  await assert.rejects(node.receive(), Evicted);
});

test("answers a ping", async () => {
  const node = await open();
  router.say(node.id, "PING", {});
  await until(() => router.actions().includes("PONG"));
});

test("pings, and leaves a dead router", async () => {
  const node = await open("AI.a", { limits: { pingAfterMs: 50, deadAfterMs: 400 } });
  await until(() => router.actions().includes("PING"));
  await until(() => router.hellos.length >= 2);
  assert.equal(router.hellos[0]?.["uuid"], node.id);
});

test("exactly at the threshold a text stays inline", async () => {
  const [a, b] = [await open("AI.a"), await open("AI.b")];
  const frameless = Buffer.byteLength(JSON.stringify(payloadOf(textMessage("x", ""))));
  const most = OFFLOAD_BYTES - OFFLOAD_OVERHEAD_BYTES - frameless;
  for (const length of [most, most + 1]) {
    await (await a.sendText("AI.b@lab", "x".repeat(length))).taken();
    assert.equal(textOf(await b.receive()).length, length);
  }
  const [inline, moved] = router.frames.filter(({ meta }) => meta["type"] === "user").map(({ payload }) => payload);
  assert.equal(inline?.["content"], "x".repeat(most));
  assert.equal(moved?.["content"], undefined);
  const ref = moved?.["content_ref"] as Record<string, unknown>;
  assert.deepEqual([ref["type"], ref["size"], ref["mime"], ref["filename_original"]],
                   ["blob_ref", most + 1, "text/plain", "content.txt"]);
  assert.match(String(ref["blob_name"]), /^content_[0-9a-f]{16}\.txt$/);
});

test("parts travel too", async () => {
  const [a, b] = [await open("AI.a"), await open("AI.b")];
  const parts = [{ type: "text", text: "é".repeat(100_000) }, { type: "text", text: "b" }];
  await (await a.send(message({ dst: "AI.b@lab", parts }))).taken();
  assert.deepEqual((await b.receive()).parts, parts);
});

test("a blob that comes late is waited for, and what is not the one meant is refused", async () => {
  const store = new BlobStore(path.join(home, "blobs"));
  const ref = await store.put(Buffer.from("text"), "content", "txt", "text/plain");
  const name = String(ref["blob_name"]);
  const place = path.join(home, "blobs", "active", name.slice(8, 10), name);
  fs.renameSync(place, place + ".hidden");
  const late = store.get(ref);
  await sleep(150);
  fs.renameSync(place + ".hidden", place);
  assert.equal(String(await late), "text");
  const changes: JsonObject[] = [{ size: 5 }, { size: -1 }, { size: BLOB_BYTES_MAX + 1 }, { sha256: "0" },
                                 { blob_name: 1 }, { blob_name: "../../x_0123456789abcdef.txt" }];
  for (const change of changes) await assert.rejects(store.get({ ...ref, ...change }), BlobMissing);
  fs.writeFileSync(place, "evil");
  await assert.rejects(store.get(ref), BlobMissing);
});
