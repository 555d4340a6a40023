// A client on npm `ws` that talks to an echo route and checks every reply; the same modes as client.py.
//
//     node client.cjs URL talk | compressed | await-close | hello

const assert = require("node:assert");
const { once } = require("node:events");
const WebSocket = require("ws");

const MESSAGES = ["", "hello", "Grüße, 世界 🌍", Buffer.alloc(0), Buffer.from([0, 255, 0, 255]), "x".repeat(125),
  "x".repeat(126), Buffer.alloc(65535, "y"), Buffer.alloc(65536, "z"), "long ".repeat(100_000)];

async function talk(url, compression) {
  const socket = new WebSocket(url, { perMessageDeflate: compression });
  const inbox = reader(socket);
  await once(socket, "open");
  assert.strictEqual(socket.extensions, compression ? "permessage-deflate" : "");
  for (const message of MESSAGES) {
    socket.send(message);
    check(await inbox(), message);
  }
  for (let i = 0; i < 200; i++) socket.send("the same again, which a kept window makes small");
  for (let i = 0; i < 200; i++) check(await inbox(), "the same again, which a kept window makes small");
  for (const part of ["frag", "", "ment"]) socket.send(part, { fin: false });
  socket.send("ed ✓", { fin: true });
  check(await inbox(), "fragmented ✓");
  socket.ping("payload of a ping");
  assert.strictEqual((await once(socket, "pong"))[0].toString(), "payload of a ping");
  socket.close(4001, "done here");
  assert.strictEqual((await once(socket, "close"))[0], 4001);
}

async function awaitClose(url) {
  const socket = new WebSocket(url);
  await once(socket, "open");
  console.log("open");
  console.log((await once(socket, "close"))[0]);
}

async function hello(url) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const inbox = reader(socket);
  await once(socket, "open");
  socket.send('{"type":"hello","user":"Alice"}');
  console.log(await inbox());
  socket.close();
}

// Messages in order, whether they arrive before or after somebody waits for them.
function reader(socket) {
  const arrived = [], waiting = [];
  socket.on("message", (data, isBinary) => {
    const message = isBinary ? data : data.toString();
    waiting.length ? waiting.shift()(message) : arrived.push(message);
  });
  return () => arrived.length ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve));
}

function check(found, wanted) {
  const same = Buffer.isBuffer(wanted) ? Buffer.isBuffer(found) && wanted.equals(found) : wanted === found;
  assert.ok(same, `expected ${String(wanted).slice(0, 80)}, got ${String(found).slice(0, 80)}`);
}

const [url, mode] = process.argv.slice(2);
const run = mode === "await-close" ? awaitClose(url) : mode === "hello" ? hello(url) : talk(url, mode === "compressed");
// A promise that waits for a message keeps no process alive: without this, a lost reply would end it with success.
const deadline = setTimeout(() => { console.error("not done within 60 s"); process.exit(1); }, 60_000);
run.then(() => clearTimeout(deadline), (error) => { console.error(error.message); process.exit(1); });
