/** A node of the fabric in this process, and its link to a router. */
import { randomUUID } from "node:crypto";
import * as net from "node:net";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BlobStore, isOffloaded, offload, putBack } from "./blobs.js";
import { Delivery, Outbox, Seen } from "./delivery.js";
import { Closed, Evicted, LinkLost, Malformed, QueueFull, Refused, Rejected, SkepError, TimedOut, Unreachable }
  from "./errors.js";
import { message, replyTo, textMessage, wantsAck, type JsonObject, type Message } from "./message.js";
import { directoryOf, persistentId, routers } from "./place.js";
import { FrameReader, frame, isObject, readEnvelope, writeEnvelope } from "./wire.js";

/** Counts, bytes and milliseconds. All have the values of docs/fabric.md. */
export interface Limits {
  unsentMessages: number;
  unsentBytes: number;
  /** Waiting to be taken; more are refused with NACK */
  receivedMessages: number;
  /** An unacknowledged message older than that is dropped when the link comes back */
  keptMs: number;
  handshakeMs: number;
  pingAfterMs: number;
  deadAfterMs: number;
  /** Then an acknowledged message is sent again */
  answerAfterMs: number;
  backoffMs: number;
  backoffMaxMs: number;
}
export const DEFAULT_LIMITS: Limits = {
  unsentMessages: 4_096, unsentBytes: 16 << 20, receivedMessages: 256, keptMs: 60_000, handshakeMs: 5_000,
  pingAfterMs: 10_000, deadAfterMs: 30_000, answerAfterMs: 5_000, backoffMs: 100, backoffMaxMs: 30_000,
};

export interface Options {
  token?: string;
  /** The node keeps its id in the hive's directory (default), else it has a new one each time. */
  persistent?: boolean;
  blobDirectory?: string;
  limits?: Partial<Limits>;
}

/**
 * A node that is connected to a router. `where`: the hive's directory (<home>/run/fabric) or one router's socket. `name`:
 * "AI.echo"; the router adds the hive. Throws Rejected or LinkLost when this first connection fails; a later loss is mended
 * for as long as the node lives.
 */
export async function connect(where: string, name: string, options: Options = {}): Promise<Node> {
  const node = new Node(where, name, options);
  await node.open();
  return node;
}

/** Made by connect(). */
export class Node {
  /** In full once connected */
  name: string;
  readonly id: string;
  zone = 0;
  router = "";
  /** Frames that were dropped */
  malformed = 0;

  private readonly limits: Limits;
  private readonly blobs: BlobStore;
  private readonly outbox: Outbox;
  private readonly seen = new Seen();
  private readonly inbox: Message[] = [];
  private readonly receivers: { resolve: (got: Message) => void; reject: (error: SkepError) => void }[] = [];
  private readonly requests = new Map<string, { resolve: (got: Message) => void; reject: (error: SkepError) => void }>();
  private arriving: Promise<void> = Promise.resolve();
  private arrivingCount = 0;
  private socket: net.Socket | undefined;
  private ended: SkepError | undefined;
  private watcher: NodeJS.Timeout | undefined;
  private heard = 0;
  private said = 0;

  constructor(private readonly where: string, private readonly askedName: string, private readonly options: Options) {
    const directory = directoryOf(where);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.name = askedName;
    this.id = options.persistent === false ? randomUUID() : persistentId(directory, askedName);
    this.blobs = new BlobStore(options.blobDirectory ?? path.resolve(directory, "..", "..", "blobs"));
    this.outbox = new Outbox(this.limits.unsentMessages, this.limits.unsentBytes);
  }

  // What a program uses ------------------------------------------------------------------------------------------------

  get connected(): boolean {
    return this.socket !== undefined;
  }

  /**
   * Queues a message, also while the link is down; throws QueueFull and TooLarge. `ack`: the receiver's link acknowledges
   * it and it is delivered exactly once; the default for words of people and replies to one receiver.
   */
  async send(given: Message, ack = (given.kind === "user" || given.kind === "reply") && given.dst !== "broadcast"):
      Promise<Delivery> {
    this.checkAlive();
    const out = { ...given, id: given.id || randomUUID(), trace: given.trace || randomUUID(), src: this.id };
    if (ack) out.meta = { ...out.meta, ack: true };
    await offload(out, this.blobs);
    this.checkAlive();
    const delivery = new Delivery(out.id, out.trace);
    const now = Date.now();
    this.outbox.add({ frame: frame(writeEnvelope(out)), delivery, dst: out.dst ?? "null", acknowledged: ack, since: now,
                      sent: 0 });
    this.flush();
    return delivery;
  }

  sendText(dst: string | null, text: string, fields: Partial<Message> = {}): Promise<Delivery> {
    return this.send(textMessage(dst, text, fields));
  }

  reply(to: Message, text: string, fields: Partial<Message> = {}): Promise<Delivery> {
    return this.send(replyTo(to, text, fields));
  }

  /** Sends words and waits for the reply with the same trace. Throws as `delivery.taken()`, and TimedOut. */
  async request(dst: string | null, text: string, timeoutMs = 60_000, fields: Partial<Message> = {}): Promise<Message> {
    const asked = textMessage(dst, text, { trace: randomUUID(), ...fields });
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<Message>((resolve, reject) => {
      this.requests.set(asked.trace, { resolve, reject });
      timer = setTimeout(() => reject(new TimedOut(`no reply from ${dst ?? "anybody"} within ${timeoutMs} ms`)), timeoutMs);
    });
    answer.catch(() => {});
    try {
      const delivery = await this.send(asked);
      delivery.taken().catch((error: SkepError) => this.requests.get(asked.trace)?.reject(error));
      return await answer;
    } finally {
      clearTimeout(timer);
      this.requests.delete(asked.trace);
    }
  }

  /** The next message that is no reply to a request(). Throws when the node has ended for good. */
  async receive(): Promise<Message> {
    const next = this.inbox.shift();
    if (next) return next;
    this.checkAlive();
    return new Promise((resolve, reject) => this.receivers.push({ resolve, reject }));
  }

  /** Ends when the node is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    for (;;) {
      try {
        yield await this.receive();
      } catch (error) {
        if (error instanceof Closed) return;
        throw error;
      }
    }
  }

  /** Sends what is queued and waits for its answers if that goes quickly, says goodbye, closes. */
  async close(timeoutMs = 2_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.ended && this.socket && this.outbox.size > 0 && Date.now() < deadline) await sleep(10);
    if (this.ended) return;
    if (this.socket) this.write(this.ownWords("WITHDRAW", { uuid: this.id }, null, 1));
    this.end(new Closed("the node was closed"));
  }

  // The end of it ------------------------------------------------------------------------------------------------------

  private checkAlive(): void {
    if (this.ended) throw this.ended;
  }

  private end(error: SkepError): void {
    if (this.ended) return;
    this.ended = error;
    clearInterval(this.watcher);
    this.socket?.end();
    this.socket = undefined;
    this.outbox.failAll(error);
    for (const one of [...this.receivers.splice(0), ...this.requests.values()]) one.reject(error);
  }

  // Connecting ---------------------------------------------------------------------------------------------------------

  /** Called by connect(). */
  async open(): Promise<void> {
    await this.dial();
    const { pingAfterMs, deadAfterMs, answerAfterMs } = this.limits;
    const step = Math.min(1_000, pingAfterMs / 4, deadAfterMs / 4, answerAfterMs / 4);
    this.watcher = setInterval(() => this.watch(), step);
  }

  private async dial(): Promise<void> {
    let error: unknown = new LinkLost(`no router at ${this.where}`);
    for (const place of routers(this.where, this.askedName)) {
      try {
        return await this.greet(place);
      } catch (failed) {
        if (failed instanceof Rejected) throw failed;
        error = failed instanceof LinkLost ? failed : new LinkLost(`${place}: ${String(failed)}`);
      }
    }
    throw error;
  }

  private greet(place: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(place);
      const reader = new FrameReader();
      let greeted = false;
      const fail = (error: Error): void => {
        clearTimeout(timer);
        socket.destroy();
        if (!greeted) reject(error);
        else if (this.socket === socket) this.lost();
      };
      const timer = setTimeout(() => fail(new LinkLost(`${place} did not answer the greeting in time`)),
                               this.limits.handshakeMs);
      const hello: JsonObject = { uuid: this.id, name: this.askedName, version: "1.0" };
      if (this.options.token) hello["token"] = this.options.token;
      socket.on("connect", () => socket.write(this.ownWords("HELLO", hello, null, 1)));
      socket.on("error", fail);
      socket.on("close", () => fail(new LinkLost(`${place} closed the link`)));
      socket.on("data", (data: Buffer) => {
        try {
          for (const body of reader.push(data)) {
            if (greeted) {
              if (this.socket === socket) this.take(body);
              continue;
            }
            this.greeted(readEnvelope(body));
            clearTimeout(timer);
            greeted = true;
            this.linked(socket);
            resolve();
          }
        } catch (error) {
          fail(error as Error);
        }
      });
    });
  }

  private greeted(answer: Message): void {
    const facts = isObject(answer.payload) ? answer.payload : {};
    if (answer.kind === "system" && answer.action === "HELLO_REJECT") {
      const retry = facts["retry_after_ms"];
      throw new Rejected(String(facts["reason"]), String(facts["message"]), typeof retry === "number" ? retry : undefined);
    }
    if (answer.kind !== "system" || answer.action !== "ANNOUNCE")
      throw new LinkLost(`the router answered the greeting with ${answer.action || answer.kind}`);
    this.name = String(facts["name"] ?? this.name);
    this.zone = Number(facts["vpn_id"] ?? 0);
    this.router = String(facts["router_name"] ?? "");
  }

  private linked(socket: net.Socket): void {
    if (this.ended) {
      socket.destroy();
      return;
    }
    this.socket = socket;
    this.heard = this.said = Date.now();
    this.outbox.againAfterLoss(this.heard, this.limits.keptMs);
    this.flush();
  }

  private lost(): void {
    this.socket = undefined;
    void this.redial();
  }

  private async redial(): Promise<void> {
    let wait = this.limits.backoffMs;
    while (!this.ended && !this.socket) {
      await sleep(wait);
      if (this.ended) return;
      try {
        await this.dial();
      } catch (error) {
        if (error instanceof Rejected && error.permanent) return this.end(error);
        wait = Math.min(2 * wait, this.limits.backoffMaxMs);
        if (error instanceof Rejected) wait = Math.max(wait, error.retryAfterMs ?? 0);
      }
    }
  }

  // Out ----------------------------------------------------------------------------------------------------------------

  private ownWords(action: string, payload: JsonObject, dst: string | null, ttl: number): Buffer {
    return frame(writeEnvelope(message({ dst, kind: "system", action, payload, ttl, src: this.id, trace: randomUUID() })));
  }

  private write(bytes: Buffer): void {
    this.said = Date.now();
    this.socket?.write(bytes);
  }

  /** Waits while the socket's own buffer is full: the outbox is the bounded one. */
  private flush(): void {
    const socket = this.socket;
    if (!socket) return;
    if (socket.writableNeedDrain) {
      socket.removeAllListeners("drain");
      socket.once("drain", () => this.flush());
      return;
    }
    const items = this.outbox.take(Date.now());
    if (items.length === 0) return;
    this.write(Buffer.concat(items.map((item) => item.frame)));
    for (const item of items) if (!item.acknowledged) item.delivery.succeed();
  }

  /** ACK and NACK have room of their own; when even that is full the sender asks again. */
  private answerLink(to: string, action: string, payload: JsonObject): void {
    try {
      this.outbox.add({ frame: this.ownWords(action, payload, to, 16), delivery: new Delivery("", ""), dst: to,
                        acknowledged: false, since: Date.now(), sent: 0 }, 1_024);
      this.flush();
    } catch (error) {
      if (!(error instanceof QueueFull)) throw error;
    }
  }

  /** Ping, silence, unanswered messages. */
  private watch(): void {
    if (!this.socket) return;
    const now = Date.now();
    if (now - this.heard > this.limits.deadAfterMs) {
      this.socket.destroy();
      return;
    }
    if (now - this.said > this.limits.pingAfterMs) this.write(this.ownWords("PING", {}, null, 1));
    if (this.outbox.againUnanswered(now, this.limits.answerAfterMs)) this.flush();
  }

  // In -----------------------------------------------------------------------------------------------------------------

  private take(body: Buffer): void {
    this.heard = Date.now();
    let got: Message;
    try {
      got = readEnvelope(body);
    } catch (error) {
      if (!(error instanceof Malformed) || !error.field) throw error;
      this.malformed += 1;
      return;
    }
    if (got.kind !== "system" || !this.aboutTheLink(got)) this.arrive(got);
  }

  private aboutTheLink(got: Message): boolean {
    const facts = isObject(got.payload) ? got.payload : {};
    switch (got.action) {
      case "PING":
        this.write(this.ownWords("PONG", {}, null, 1));
        return true;
      case "PONG":
      case "ANNOUNCE":
        return true;
      case "ACK":
        this.outbox.settle(String(facts["id"]));
        return true;
      case "NACK":
        this.failed(got, facts, new Refused(String(facts["code"]), String(facts["message"])));
        return true;
      case "UNREACHABLE":
        return this.failed(got, facts, new Unreachable(String(facts["reason"]), String(facts["original_dst"])));
      case "TTL_EXCEEDED":
        return this.failed(got, facts, new Unreachable(got.action, String(facts["original_dst"])));
      case "EVICTED":
        this.end(new Evicted("another process has connected with this node's id"));
        return true;
      case "GOODBYE":
        throw new LinkLost("the router is going down");
      default:
        return false;
    }
  }

  private failed(about: Message, facts: JsonObject, error: SkepError): boolean {
    const named = about.inReplyTo || String(facts["id"] ?? "");
    const ids = named ? [named] : this.outbox.idsOf(about.trace, String(facts["original_dst"]));
    const settled = ids.map((id) => this.outbox.settle(id, error)).some(Boolean);
    const request = this.requests.get(about.trace);
    request?.reject(error);
    return settled || request !== undefined;
  }

  private arrive(got: Message): void {
    const acknowledged = wantsAck(got) && got.id !== "";
    if (acknowledged) {
      const before = this.seen.state(got.src, got.id);
      if (before) this.answerLink(got.src, "ACK", { id: got.id });
      if (before !== undefined) return;
    }
    if (this.inbox.length + this.arrivingCount >= this.limits.receivedMessages)
      return this.refuse(got, "exhausted", "the node's inbox is full");
    if (acknowledged) this.seen.note(got.src, got.id, false);
    this.arrivingCount += 1;
    this.arriving = this.arriving.then(() => this.takeIn(got, acknowledged)).finally(() => { this.arrivingCount -= 1; });
  }

  private refuse(got: Message, code: string, why: string): void {
    this.seen.forget(got.src, got.id);
    if (wantsAck(got)) this.answerLink(got.src, "NACK", { id: got.id, code, message: why });
  }

  /** One after the other: words that were moved into a blob are fetched first. */
  private async takeIn(got: Message, acknowledged: boolean): Promise<void> {
    try {
      if (isOffloaded(got)) await putBack(got, this.blobs);
    } catch (error) {
      return this.refuse(got, "not-found", String(error));
    }
    if (this.ended) return;
    const request = got.kind === "reply" ? this.requests.get(got.trace) : undefined;
    const taker = request ?? this.receivers.shift();
    if (taker) taker.resolve(got);
    else this.inbox.push(got);
    if (!acknowledged) return;
    this.seen.note(got.src, got.id, true);
    this.answerLink(got.src, "ACK", { id: got.id });
  }
}
