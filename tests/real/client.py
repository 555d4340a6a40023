"""A client on Python `websockets` that talks to an echo route and checks every reply.

    client.py URL talk | compressed | await-close | hello

`talk` and `compressed` exchange messages and end with a close handshake; the latter also insists on
permessage-deflate. `await-close` prints `open`, waits for the server to close, and prints the code. `hello` says one thing in JSON and prints the
first answer.
"""

import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

MESSAGES = ["", "hello", "Grüße, 世界 🌍", b"", b"\x00\xff" * 10,
            "x" * 125, "x" * 126, b"y" * 65535, b"z" * 65536, "long " * 100_000]


def talk(url, compression):
    with connect(url, compression=compression, max_size=None, ping_interval=None) as socket:
        negotiated = [extension.name for extension in socket.protocol.extensions]
        expect("extensions", negotiated, ["permessage-deflate"] if compression else [])
        for message in MESSAGES:
            socket.send(message)
            expect("echo", socket.recv(10), message)
        for _ in range(200):
            socket.send("the same again, which a kept window makes small")
        for _ in range(200):
            expect("echo", socket.recv(10), "the same again, which a kept window makes small")
        socket.send(["frag", "", "ment", "ed ✓"])
        expect("echo of fragments", socket.recv(10), "fragmented ✓")
        if not socket.ping(b"payload of a ping").wait(10):
            raise SystemExit("no pong within 10 s")
        socket.close(4001, "done here")
        expect("close code", socket.protocol.close_code, 4001)


def await_close(url):
    with connect(url, ping_interval=None) as socket:
        print("open", flush=True)
        try:
            socket.recv(30)
        except ConnectionClosed as closed:
            print(closed.rcvd.code if closed.rcvd else 1006, flush=True)


def hello(url):
    with connect(url) as socket:
        socket.send('{"type": "hello", "user": "Alice"}')
        print(socket.recv(10))


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{what}: expected {str(wanted)[:80]!r}, got {str(found)[:80]!r}")


if __name__ == "__main__":
    url, mode = sys.argv[1:]
    if mode == "await-close":
        await_close(url)
    elif mode == "hello":
        hello(url)
    else:
        talk(url, "deflate" if mode == "compressed" else None)
