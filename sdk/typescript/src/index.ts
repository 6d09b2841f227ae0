/** Nodes of a Skep fabric in TypeScript and JavaScript, for Node.js. No dependencies. See README.md. */
export * from "./errors.js";
export { message, replyTo, textMessage, textOf, wantsAck } from "./message.js";
export type { Conversation, Json, JsonObject, Kind, Message, Part, Progress, ReplyAddress } from "./message.js";
export { connect, DEFAULT_LIMITS, Node } from "./node.js";
export type { Limits, Options } from "./node.js";
export type { Delivery } from "./delivery.js";
