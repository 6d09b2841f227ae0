/**
 * An agent that says everything back: node echo.js [DIRECTORY [NAME]]. sdk/typescript/build.sh compiles it.
 * DIRECTORY is the hive's <home>/run/fabric (default: ~/.skep/run/fabric).
 */
import * as os from "node:os";
import * as path from "node:path";
import { connect, SkepError, textOf } from "../../sdk/typescript/dist/src/index.js"; // in place of an installed package

const [directory = path.join(os.homedir(), ".skep/run/fabric"), name = "AI.echo-typescript"] = process.argv.slice(2);
try {
  const node = await connect(directory, name);
  process.on("SIGTERM", () => void node.close());
  process.on("SIGINT", () => void node.close());
  console.log(`${node.name} is connected to ${node.router}`);
  for await (const message of node) {
    if (message.kind === "user") await node.reply(message, textOf(message));
  }
} catch (error) {
  if (!(error instanceof SkepError)) throw error;
  console.error(`echo: ${error.message}`);
  process.exitCode = 1;
}
