"""An echo server on Python `websockets`; prints `listening 127.0.0.1:PORT`, and `first message` when one has come.

    server.py [CLOSE_AFTER CODE]      with arguments, closes with CODE after that many messages of a connection
"""

import asyncio
import contextlib
import functools
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

CLOSE_AFTER, CODE = (int(word) for word in sys.argv[1:]) if len(sys.argv) > 1 else (0, 0)


@functools.cache
def say_once():
    print("first message", flush=True)


async def echo(socket):
    count = 0
    # A peer that is gone is no fault of this server.
    with contextlib.suppress(ConnectionClosed):
        async for message in socket:
            await socket.send(message)
            say_once()
            count += 1
            if count == CLOSE_AFTER:
                await socket.close(CODE, "enough")


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print("listening 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
