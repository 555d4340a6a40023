// An echo server on npm `ws`; prints the same lines and takes the same arguments as server.py.
//
//     node server.cjs [CLOSE_AFTER CODE]

const { WebSocketServer } = require("ws");

const [closeAfter, code] = process.argv.slice(2).map(Number);
let silent = true;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });
server.on("listening", () => console.log(`listening 127.0.0.1:${server.address().port}`));
server.on("connection", (socket) => {
  let count = 0;
  // A peer that is gone is no fault of this server.
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => {
    socket.send(data, { binary: isBinary });
    if (silent) console.log("first message");
    silent = false;
    if (++count === closeAfter) socket.close(code, "enough");
  });
});
