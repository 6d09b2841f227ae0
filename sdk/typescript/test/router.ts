/** A small router for tests: greets, stamps, hands on by name or id. What it is to do wrong is set on it. */
import * as net from "node:net";
import type { JsonObject } from "../src/index.js";
import { FrameReader, frame } from "../src/wire.js";

export const ROUTER_ID = "00000000-0000-4000-8000-000000000001";
export interface Envelope { routing: JsonObject; meta: JsonObject; payload: JsonObject }

export class Router {
  hellos: JsonObject[] = []; // payloads
  frames: Envelope[] = []; // greetings left out
  reject: JsonObject | undefined; // the payload of a HELLO_REJECT
  silent = false; // takes the greeting and says nothing
  lose: (envelope: Envelope) => boolean = () => false;
  links = new Map<string, { name: string; socket: net.Socket }>();
  private server: net.Server | undefined;
  private sockets = new Set<net.Socket>();

  constructor(readonly path: string) {}

  start(): Promise<void> {
    this.server = net.createServer((socket) => this.serve(socket));
    return new Promise((resolve) => this.server?.listen(this.path, resolve));
  }

  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server?.close(() => resolve()));
  }

  say(id: string, action: string, payload: JsonObject, routing: JsonObject = {}): void {
    this.write(id, { routing: { src: ROUTER_ID, dst: id, ttl: 16, trace_id: "r", ...routing },
                     meta: { type: "system", msg: action }, payload });
  }

  write(id: string, envelope: Envelope): void {
    this.writeBytes(id, JSON.stringify(envelope));
  }

  writeBytes(id: string, body: string): void {
    this.links.get(id)?.socket.write(frame(Buffer.from(body)));
  }

  actions(): unknown[] {
    return this.frames.map((one) => one.meta["msg"]);
  }

  private serve(socket: net.Socket): void {
    const reader = new FrameReader();
    let id: string | undefined;
    this.sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.sockets.delete(socket);
      if (id !== undefined && this.links.get(id)?.socket === socket) this.links.delete(id);
    });
    socket.on("data", (data: Buffer) => {
      for (const body of reader.push(data)) {
        const envelope = JSON.parse(body.toString()) as Envelope;
        if (id === undefined) id = this.greet(envelope, socket);
        else this.route(envelope, this.links.get(id)?.name ?? "");
      }
    });
  }

  private greet(hello: Envelope, socket: net.Socket): string {
    const id = String(hello.payload["uuid"]);
    this.hellos.push(hello.payload);
    this.links.set(id, { name: `${String(hello.payload["name"])}@lab`, socket });
    if (this.silent) return id;
    if (this.reject) {
      this.say(id, "HELLO_REJECT", this.reject);
      socket.end();
    } else {
      this.say(id, "ANNOUNCE", { uuid: id, name: `${String(hello.payload["name"])}@lab`, status: "registered", vpn_id: 7,
                                 router_name: "RT.test@lab" });
    }
    return id;
  }

  private route(envelope: Envelope, name: string): void {
    this.frames.push(envelope);
    const { routing, meta } = envelope;
    if (this.lose(envelope) || routing["dst"] === null) return;
    routing["src_l2_name"] = name;
    const to = [...this.links].find(([id, link]) => routing["dst"] === id || routing["dst"] === link.name);
    if (to) this.write(to[0], envelope);
    else if (meta["type"] !== "system")
      this.say(String(routing["src"]), "UNREACHABLE", { original_dst: routing["dst"] ?? null, reason: "NODE_NOT_FOUND" },
               { trace_id: routing["trace_id"] ?? "" });
  }
}
