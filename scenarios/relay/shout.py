#!/usr/bin/env python3
"""A target process: sends every message back in capitals. `/quit` moves the sender to `echo`, `/crash` crashes.

Letters come as lines of JSON on standard input and go as lines of JSON to standard output.
"""

import json
import sys


def send(to, topic, payload):
    print(json.dumps({"to": to, "topic": topic, "payload": payload}), flush=True)


def main():
    for line in sys.stdin:
        letter = json.loads(line)
        topic, payload = letter["topic"], letter["payload"]
        if topic == "ws.join":
            send(payload["client_pid"], "ws.send", {"type": "text", "data": "WELCOME"})
        elif topic == "ws.message":
            client, text = payload["client_pid"], payload["data"]
            if text == "/quit":
                send(client, "ws.control", {"target_pid": "echo", "message_topic": "ws.message"})
            elif text == "/crash":
                sys.exit(3)
            elif payload["type"] == "text":
                send(client, "ws.send", {"type": "text", "data": text.upper()})
            else:
                send(client, "ws.close", {"code": 1003, "reason": "only text can be shouted"})
        elif topic in ("ws.leave", "process.error"):
            print(f"{topic}: {payload}", file=sys.stderr)


if __name__ == "__main__":
    main()
