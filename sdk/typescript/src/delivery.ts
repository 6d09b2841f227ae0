/** What is on its way out, and what has come in before (docs/fabric.md "Delivery"). No I/O. */
import { QueueFull, type SkepError } from "./errors.js";

export const IDS_REMEMBERED = 65_536; // for each sender
const SENDERS_REMEMBERED = 1_024;

/**
 * `await delivery.taken()` until the receiver took the message; throws Unreachable, Refused or Closed when it did not. Of
 * messages that are not acknowledged it ends when the message was given to the router.
 */
export class Delivery {
  private readonly promise: Promise<void>;
  private resolve!: () => void;
  private reject!: (error: SkepError) => void;
  done = false;

  constructor(readonly id: string, readonly trace: string) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {}); // whoever awaits it gets the error
  }

  taken(): Promise<void> {
    return this.promise;
  }
  succeed(): void {
    this.done = true;
    this.resolve();
  }
  fail(error: SkepError): void {
    this.done = true;
    this.reject(error);
  }
}

export interface Outgoing {
  frame: Buffer;
  delivery: Delivery;
  dst: string;
  acknowledged: boolean;
  since: number;
  sent: number;
}

/** Bounded. Acknowledged messages stay until settled; the others until they are written. */
export class Outbox {
  private unsent: Outgoing[] = [];
  private readonly unsettled = new Map<string, Outgoing>(); // acknowledged ones, by id
  private count = 0;
  private bytes = 0;

  constructor(private readonly messagesMax: number, private readonly bytesMax: number) {}

  get size(): number {
    return this.count;
  }

  /** `extra`: room beyond the limit, for the link's own words. */
  add(item: Outgoing, extra = 0): void {
    if (this.count >= this.messagesMax + extra || this.bytes + item.frame.length > this.bytesMax + extra * 1_024)
      throw new QueueFull(`${this.count} messages (${this.bytes} bytes) wait already`);
    this.count += 1;
    this.bytes += item.frame.length;
    this.unsent.push(item);
    if (item.acknowledged) this.unsettled.set(item.delivery.id, item);
  }

  private forget(item: Outgoing): void {
    this.count -= 1;
    this.bytes -= item.frame.length;
  }

  /** Those to write now, in order. One that needs no answer is done with that. */
  take(now: number): Outgoing[] {
    // One that was answered while it waited to be sent again is not sent.
    const items = this.unsent.filter((item) => !item.acknowledged || this.unsettled.has(item.delivery.id));
    this.unsent = [];
    for (const item of items) {
      item.sent = now;
      if (!item.acknowledged) this.forget(item);
    }
    return items;
  }

  settle(id: string, error?: SkepError): boolean {
    const item = this.unsettled.get(id);
    if (!item) return false;
    this.unsettled.delete(id);
    this.forget(item);
    if (error) item.delivery.fail(error);
    else item.delivery.succeed();
    return true;
  }

  /** Of messages that an error about this trace and destination may be about. */
  idsOf(trace: string, dst: string): string[] {
    return [...this.unsettled.values()].filter((item) => item.delivery.trace === trace && item.dst === dst)
      .map((item) => item.delivery.id);
  }

  /** All unsettled ones first, in their order, then what was never sent; old ones that nobody answers are dropped. */
  againAfterLoss(now: number, keptMs: number): void {
    const unsent = this.unsent.filter((item) => !item.acknowledged);
    this.unsent = [...this.unsettled.values()];
    for (const item of unsent) {
      if (now - item.since <= keptMs) {
        this.unsent.push(item);
        continue;
      }
      this.forget(item);
      item.delivery.fail(new QueueFull(`the router was away for over ${keptMs} ms`));
    }
  }

  againUnanswered(now: number, afterMs: number): boolean {
    const waiting = new Set(this.unsent);
    const due = [...this.unsettled.values()].filter((item) => !waiting.has(item) && now - item.sent >= afterMs);
    this.unsent.push(...due);
    return due.length > 0;
  }

  failAll(error: SkepError): void {
    for (const item of new Set([...this.unsent, ...this.unsettled.values()])) item.delivery.fail(error);
    this.unsent = [];
    this.unsettled.clear();
    this.count = this.bytes = 0;
  }
}

/** The ids that each sender has used, and whether they were acknowledged. */
export class Seen {
  private readonly senders = new Map<string, Map<string, boolean>>();

  /** undefined: new. false: taken but not yet acknowledged. */
  state(sender: string, id: string): boolean | undefined {
    return this.senders.get(sender)?.get(id);
  }

  note(sender: string, id: string, acknowledged: boolean): void {
    const ids = this.senders.get(sender) ?? new Map<string, boolean>();
    this.senders.delete(sender); // and to the end: the longest silent one goes first
    this.senders.set(sender, ids);
    ids.set(id, acknowledged);
    trim(ids, IDS_REMEMBERED);
    trim(this.senders, SENDERS_REMEMBERED);
  }

  forget(sender: string, id: string): void {
    this.senders.get(sender)?.delete(id);
  }
}

function trim<T>(map: Map<string, T>, most: number): void {
  if (map.size <= most) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
