/** Where routers listen, and the ids that nodes keep (docs/fabric.md "Files"). */
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { LinkLost, SkepError } from "./errors.js";
import { isUuid } from "./wire.js";

export function fnv1a(text: string): bigint {
  let value = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  return value;
}

function isDirectory(where: string): boolean {
  return fs.statSync(where, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function baseOf(name: string): string {
  return name.split("@")[0] ?? "";
}

/** The sockets to try, in order: each name starts at a router of its own. */
export function routers(where: string, name: string): string[] {
  if (!isDirectory(where)) return [where];
  const names = fs.readdirSync(where).filter((one) => one.endsWith(".sock") && !one.startsWith("peer-")).sort();
  const sockets = names.map((one) => path.join(where, one));
  if (sockets.length === 0) throw new LinkLost(`no router listens in ${where}: is skep running with this home?`);
  const start = Number(fnv1a(baseOf(name)) % BigInt(sockets.length));
  return [...sockets.slice(start), ...sockets.slice(0, start)];
}

export function directoryOf(where: string): string {
  return isDirectory(where) ? where : path.dirname(where);
}

/** The id that a node of this name has had before, else a new one, kept from now on. */
export function persistentId(directory: string, name: string): string {
  const base = baseOf(name);
  if (!base || base.includes("/") || base.startsWith(".")) throw new SkepError(`"${name}" is no name of a node`);
  const place = path.join(directory, "ids", `${base}.uuid`);
  const kept = fs.existsSync(place) ? fs.readFileSync(place, "utf8").trim() : "";
  if (isUuid(kept)) return kept.toLowerCase();
  if (kept) throw new SkepError(`${place} holds no UUID: remove it to get a new id`);
  fs.mkdirSync(path.dirname(place), { recursive: true, mode: 0o700 });
  const made = randomUUID();
  const temporary = path.join(path.dirname(place), `.${base}.uuid.${process.pid}`);
  const file = fs.openSync(temporary, "w", 0o600);
  fs.writeSync(file, made + "\n");
  fs.fsyncSync(file);
  fs.closeSync(file);
  try {
    fs.linkSync(temporary, place); // of two that start at once, one makes the id
    return made;
  } catch {
    return fs.readFileSync(place, "utf8").trim();
  } finally {
    fs.unlinkSync(temporary);
  }
}
