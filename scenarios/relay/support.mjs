#!/usr/bin/env node
// A relay handler that tells apart who connects: the header X-User goes into the metadata of every message, and into a
// cookie that the client gets with its 101.
//
//     support.mjs [PORT]
//
// Node's standard library is all it needs.

import { createServer } from "node:http";

const port = Number(process.argv[2] ?? 9102);

const server = createServer((request, response) => {
  const user = request.headers["x-user"] ?? "guest";
  const relay = {
    target_pid: "echo",
    heartbeat_interval: "10s",
    metadata: { user, address: request.headers["x-forwarded-for"] },
  };
  response.setHeader("X-WS-Relay", JSON.stringify(relay));
  response.setHeader("Set-Cookie", `user=${encodeURIComponent(user)}`);
  response.end();
});

server.listen(port, "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
