# SPDX-License-Identifier: GPL-3.0-or-later
"""A meter with DTLS 1.3 and a connection ID behind a router that gives it another address: the session goes on
without a handshake, and nobody else can take it away.

usage: moved.py [--port N] [--seed S]     BIN_DIR and BUILD_DIR name where the programs are.
"""
import argparse
import os
import queue
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

import proxy
import uplink

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import street_meter  # noqa: E402

SERVER = os.path.join(os.environ.get("BUILD_DIR", "build/dev"), "tests/firmware/cid_server")
NAME = "wCID-0001"


def expect(good, text, *values):
    if not good:
        raise AssertionError(text % values if values else text)


class Server:
    def __init__(self, port, key):
        self.lines, self.log = queue.Queue(), []
        self.process = subprocess.Popen([SERVER, str(port), key.hex()], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for line in self.process.stdout:
            self.log.append(line.strip())
            self.lines.put(line.strip())

    def wait(self, head, seconds=15):
        until = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError("no '%s' from the server: %s" % (head, self.log[-6:])) from None
            if line.startswith(head):
                return line

    def count(self, head):
        return sum(line.startswith(head) for line in self.log)

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)


def run(folder, port, seed):
    root = bytes(range(1, 17))
    key_file = os.path.join(folder, "key")
    with open(key_file, "w", encoding="ascii") as file:
        file.write(root.hex() + "\n")
    server = Server(port + 1, street_meter.derive(root, "transport", NAME))
    meter = uplink.Meter(os.path.join(folder, "meter"), NAME, key_file, port, clock="host",
                         dtls="1.3", observe="no")
    try:
        server.wait("ready")
        with proxy.Proxy(port, ("127.0.0.1", port + 1), seed) as net:
            meter.start()
            meter.started()
            meter.ask("pulse 5", "counted")
            server.wait("up")
            server.wait("post")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                played_back = net.last_up
                forged = played_back[:-1] + bytes([played_back[-1] ^ 1])
                for data in (forged, played_back, played_back[:9]):
                    stranger.sendto(data, ("127.0.0.1", port + 1))
                    server.wait("stranger")
            expect(server.count("moved") == 0, "a stranger moved the session: %s", server.log)
            server.wait("post")
            for moves in range(1, 4):
                net.move()
                server.wait("moved %d" % moves)
                server.wait("post")
        last = meter.ask("exit", "end ")
        expect(meter.exit_status() == 0, "the meter's exit status is not 0")
        expect(last["handshakes"] == 1 and last["sessions"] == 1, "it shook hands again: %s", last)
        return server.count("post")
    finally:
        meter.kill()
        server.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18936)
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("METERPAY_TEST_SEED", random.SystemRandom().randrange(2 ** 32))))
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    with tempfile.TemporaryDirectory(prefix="meterpay-moved-") as folder:
        posts = run(folder, options.port, options.seed)
    print("%d messages, three other addresses, one handshake; three strangers moved nothing" % posts)


if __name__ == "__main__":
    main()
