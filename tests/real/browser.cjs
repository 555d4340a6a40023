// A page in headless Chromium, so that the WebSocket client is a browser's own.
//
//     node browser.cjs URL chat | token TOKEN | refused | upload | dashboard | game | close CODE
//
// URL is a route of the server. What the page saw comes out as one line of JSON; a page that fails ends this with an error.

const http = require("node:http");
const os = require("node:os");
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

// Everything below runs in the page, where only these helpers are known.
const HELPERS = `
  const open = (url, protocols) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    const arrived = [], waiting = [];
    socket.inbox = () => arrived.length ? Promise.resolve(arrived.shift())
      : new Promise((resolve) => waiting.push(resolve));
    socket.json = async () => JSON.parse(await socket.inbox());
    // Skips others until one of this type.
    socket.until = async (type) => { for (;;) { const m = await socket.json(); if (m.type === type) return m; } };
    socket.ended = new Promise((resolve) => socket.onclose =
      ({ code, reason, wasClean }) => { resolve({ code, reason, wasClean }); reject(new Error("closed by " + code)); });
    socket.onmessage = ({ data }) => waiting.length ? waiting.shift()(data) : arrived.push(data);
    socket.onopen = () => resolve(socket);
  });
  const say = (socket, value) => socket.send(JSON.stringify(value));
`;

const pages = {
  // Two users of one room: who comes, who talks, who goes.
  async chat(url) {
    const alice = await open(url);
    const ids = [(await alice.until("connection")).id];
    say(alice, { type: "chat", message: "too early" });
    const early = await alice.until("error");
    say(alice, { type: "login", userId: "u1", name: "Alice" });
    const joined = [(await alice.until("system")).message];
    const bob = await open(url);
    ids.push((await bob.until("connection")).id);
    say(bob, { type: "login", userId: "u2", name: "Bob" });
    joined.push((await alice.until("system")).message);
    say(bob, { type: "chat", message: "Grüße, 世界 🌍" });
    const heard = [await alice.until("chat"), await bob.until("chat")];
    bob.close();
    await bob.ended;
    const left = (await alice.until("system")).message;
    alice.close(1000, "bye");
    return { ids, early, joined, heard, left, ended: await alice.ended };
  },
  // The token as second subprotocol, which is all that a browser can add to an upgrade.
  async token(url, token) {
    const named = await open(url, ["access_token", token]);
    const asked = await open(url + "?token=" + encodeURIComponent(token));
    named.send("one");
    asked.send("two");
    return { protocol: named.protocol, echoes: [await named.inbox(), await asked.inbox()] };
  },
  async refused(url) {
    const socket = new WebSocket(url);
    return await new Promise((resolve) => socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean }));
  },
  // 12 MiB in chunks of 5 MiB, cut after the first and resumed.
  async upload(url) {
    const file = new Uint8Array(12 << 20).map((_, i) => (i * 2654435761) >>> 24);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", file));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const chunk = 5 << 20;
    const first = await open(url);
    say(first, { type: "begin", name: "film.bin", size: file.length, sha256 });
    const { id } = await first.until("ready");
    first.send(file.slice(0, chunk));
    await first.until("ack");
    first.close();
    await first.ended;
    const second = await open(url);
    say(second, { type: "begin", name: "film.bin", size: file.length, sha256, id });
    let { offset } = await second.until("ready");
    const resumed = offset;
    while (offset < file.length) {
      second.send(file.slice(offset, offset + chunk));
      offset = (await second.until("ack")).offset;
    }
    say(second, { type: "end" });
    const done = await second.until("done");
    return { resumed, sha256, done };
  },
  async dashboard(url) {
    const socket = await open(url + "?interval=50ms");
    const ticks = [];
    while (ticks.length < 5) ticks.push(await socket.until("metrics"));
    return { ticks, extensions: socket.extensions };
  },
  async game(url) {
    const players = [await open(url), await open(url)];
    const joined = await Promise.all(players.map((player) => player.until("joined")));
    say(players[0], { type: "input", seq: 7, x: 1.5 });
    for (;;) {
      const state = await players[1].until("state");
      const seen = state.players[joined[0].id];
      if (seen && seen.seq === 7) return { hz: joined[0].hz, seen };
    }
  },
  async close(url, code) {
    const socket = await open(url);
    await socket.json();
    socket.close(Number(code), "as I like");
    return await socket.ended;
  },
};

async function main(url, page, argument) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "wsbench-browser-"));
  // A page needs an origin: of this machine, so that the browser counts it as secure.
  const site = http.createServer((_, response) => response.end("<!doctype html><title>page</title>")).listen(0, "127.0.0.1");
  await new Promise((resolve) => site.once("listening", resolve));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    ignoreHTTPSErrors: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${site.address().port}/`);
    const script = `(async () => { ${HELPERS} const page = ${pages[page].toString().replace(/^async \w+/, "async function")};
      return await page(${JSON.stringify(url)}, ${JSON.stringify(argument ?? null)}); })()`;
    console.log(JSON.stringify(await tab.evaluate(script)));
  } finally {
    await browser.close();
    site.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

const deadline = setTimeout(() => { console.error("not done within 60 s"); process.exit(1); }, 60_000);
main(...process.argv.slice(2)).then(() => clearTimeout(deadline),
  (error) => { console.error(error.message); process.exit(1); });
