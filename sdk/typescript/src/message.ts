/** The one thing that moves on the fabric. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };
export type Kind = "user" | "reply" | "progress" | "system" | "control";
export type Part = { type: string } & JsonObject;

export interface Conversation {
  channel: string; peer: string; thread: string;
  /** The address that was written to, where the channel has several. */
  entrypoint?: string;
}
/** Opaque to everyone but the channel that wrote it: copy it into a reply. */
export interface ReplyAddress { from: string; to: string }
export interface Progress { phase: string; text: string }

/**
 * `dst` is a name ("AI.support@lab"), a node's id, "broadcast" (then `target` may filter), or null: the router decides.
 * `src`, `srcName` and `vpn` are stamped by routers. A message holds words (`parts`) or any other JSON (`payload`). `meta`
 * has all that no field holds, and is passed on untouched.
 */
export interface Message {
  dst: string | null;
  kind: Kind;
  parts: Part[];
  payload: Json;
  id: string;
  trace: string;
  ttl: number;
  src: string;
  srcName: string;
  vpn: number;
  action: string;
  inReplyTo: string;
  /** RFC 3339, UTC */
  sentAt: string;
  /** The party that speaks, "ilk:<uuid>" */
  ilk: string;
  /** Of a broadcast: a glob of names */
  target: string;
  conversation: Conversation;
  replyAddress: ReplyAddress;
  foreignId: string;
  wantsProgress: boolean;
  progress: Progress | null;
  meta: JsonObject;
}

export function message(fields: Partial<Message> = {}): Message {
  return {
    dst: null, kind: "user", parts: [], payload: null, id: "", trace: "", ttl: 16, src: "", srcName: "", vpn: 0,
    action: "", inReplyTo: "", sentAt: "", ilk: "", target: "", conversation: { channel: "", peer: "", thread: "" },
    replyAddress: { from: "", to: "" }, foreignId: "", wantsProgress: false, progress: null, meta: {}, ...fields,
  };
}

export function textMessage(dst: string | null, text: string, fields: Partial<Message> = {}): Message {
  return message({ dst, parts: [{ type: "text", text }], ...fields });
}

/** The answer to a message: same trace and conversation, back to where it came from. */
export function replyTo(to: Message, text: string, fields: Partial<Message> = {}): Message {
  const { trace, conversation, replyAddress } = to;
  return textMessage(to.src, text, { kind: "reply", trace, inReplyTo: to.id, conversation, replyAddress, ...fields });
}

/** The text parts, joined by newlines. */
export function textOf(from: Message): string {
  return from.parts.filter((part) => part.type === "text").map((part) => String(part["text"])).join("\n");
}

export function wantsAck(of: Message): boolean {
  return of.meta["ack"] === true;
}
