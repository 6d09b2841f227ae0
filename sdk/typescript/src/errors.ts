/** What can go wrong, by what a caller can do about it. */

/** The base of all errors of this package. */
export class SkepError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** An envelope that breaks the wire's rules. An empty `field`: it is no envelope at all. */
export class Malformed extends SkepError {
  constructor(readonly field: string, why: string) {
    super(field ? `the envelope's "${field}" is missing or wrong: ${why}` : `no envelope: ${why}`);
  }
}

/** The message does not fit into a frame, or a blob is over its limit. */
export class TooLarge extends SkepError {}
/** As many messages wait as may wait. Send again later. */
export class QueueFull extends SkepError {}
/** No router can be reached, or it did not answer the greeting. */
export class LinkLost extends SkepError {}
/** The node was closed. */
export class Closed extends SkepError {}
/** Another process connected with this node's id; this one does not come back by itself. */
export class Evicted extends SkepError {}
/** A text was moved into a blob that is not there, or is not what it should be. */
export class BlobMissing extends SkepError {}
/** No reply came in time. */
export class TimedOut extends SkepError {}

/** The router refused the greeting. */
export class Rejected extends SkepError {
  constructor(readonly reason: string, message: string, readonly retryAfterMs?: number) {
    super(`the router refused this node: ${reason}: ${message}`);
  }
  /** Greeting again with the same words cannot help. */
  get permanent(): boolean {
    return this.reason !== "TOO_MANY_NODES" && this.reason !== "SHUTTING_DOWN";
  }
}

/** A router could not hand a message on: NODE_NOT_FOUND, VPN_BLOCKED, BACKPRESSURE, TTL_EXCEEDED, ... */
export class Unreachable extends SkepError {
  constructor(readonly reason: string, readonly originalDst: string) {
    super(`${originalDst} did not get the message: ${reason}`);
  }
}

/** The receiver said no (NACK). */
export class Refused extends SkepError {
  constructor(readonly code: string, message: string) {
    super(`the receiver refused the message: ${code}: ${message}`);
  }
}
