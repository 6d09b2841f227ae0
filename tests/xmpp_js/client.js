// A person's program, written with @xmpp/client: chats with an agent, then runs a skill of it.
//   node client.js '{"service":…,"domain":…,"username":…,"password":…,"agent":…,"text":…,"skill":…,"params":{…}}'
// Prints one line of JSON: {"reply":…,"result":{"status":…,"output":…}}.
import { client, xml } from "@xmpp/client";

const NS = "urn:fluux:agent:0#execute";
const wanted = JSON.parse(process.argv[2]);
const { service, domain, username, password, agent } = wanted;
const xmpp = client({ service, domain, username, password, resource: "js" });

xmpp.on("error", (error) => {
  console.error(error);
  process.exit(1);
});

function reply() {
  return new Promise((resolve) => {
    xmpp.on("stanza", (stanza) => {
      if (stanza.is("message") && stanza.getChildText("body")) resolve(stanza.getChildText("body"));
    });
  });
}

async function execute() {
  const params = Object.entries(wanted.params).map(([name, value]) => xml("param", { name }, value));
  const answer = await xmpp.iqCaller.request(
    xml("iq", { type: "set", to: agent }, xml("execute", { xmlns: NS, skill: wanted.skill }, ...params)),
    60_000,
  );
  const result = answer.getChild("result", NS);
  return { status: result.attrs.status, output: result.getChildText("output") };
}

xmpp.on("online", async () => {
  await xmpp.send(xml("presence"));
  const said = reply();
  await xmpp.send(xml("message", { to: agent, type: "chat", id: "js-1" }, xml("body", {}, wanted.text)));
  const out = { reply: await said, result: await execute() };
  await xmpp.stop();
  console.log(JSON.stringify(out));
});

await xmpp.start();
