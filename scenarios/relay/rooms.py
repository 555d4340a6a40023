#!/usr/bin/env python3
"""A relay handler: one room process for each ?room=, and nobody enters without ?user_id=.

It answers the upgrade requests that `wsbench serve` forwards to it. Python's standard library is all it needs.

    rooms.py [--port 9101] [--processes http://127.0.0.1:9001/relay/processes]
"""

import argparse
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def room_pid(processes, room):
    """The PID of the room's process, which is started if there is none yet."""
    body = json.dumps({"action": "start", "process": "room", "name": f"room-{room}"}).encode()
    request = urllib.request.Request(processes, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)["pid"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        user = query.get("user_id", [""])[0]
        room = query.get("room", ["lobby"])[0]
        if not user:
            return self.answer(401, {"error": "say who you are: ?user_id="})
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", room):
            return self.answer(400, {"error": "a room's name has letters, digits, - and _"})
        try:
            pid = room_pid(self.server.processes, room)
        except (urllib.error.URLError, TimeoutError) as error:
            return self.answer(503, {"error": f"no room: {error}"})
        relay = {
            "target_pid": pid,
            "message_topic": "ws.message",
            "heartbeat_interval": "30s",
            "metadata": {"user_id": user, "room": room},
        }
        self.answer(200, {}, {"X-WS-Relay": json.dumps(relay)})

    def answer(self, status, value, headers=None):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, header in (headers or {}).items():
            self.send_header(name, header)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=9101)
    parser.add_argument("--processes", default="http://127.0.0.1:9001/relay/processes")
    arguments = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    server.processes = arguments.processes
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
