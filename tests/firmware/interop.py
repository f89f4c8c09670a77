# SPDX-License-Identifier: GPL-3.0-or-later
"""The meter's CoAP and DTLS with libcoap's own servers, in their OpenSSL and GnuTLS builds and in the clear:
another implementation of both, so that the two do not share a mistake.

usage: interop.py [--port N]     BUILD_DIR/tests/firmware/coap_probe is the meter's side.
"""
import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PROBE = os.path.join(os.environ.get("BUILD_DIR", "build/dev"), "tests/firmware/coap_probe")
KEY = b"0123456789abcdef"
SKIPPED = 77


def expect(good, text, *values):
    if not good:
        raise AssertionError(text % values if values else text)


class Server:
    """libcoap's example server of one build, with a resource of our own."""

    def __init__(self, flavour, port, folder, loss=0):
        self.flavour, self.port, self.folder = flavour, port, folder
        command = ["coap-server-" + flavour, "-A", "127.0.0.1", "-p", str(port), "-d", "10", "-v", "0"]
        if flavour != "notls":
            command += ["-k", KEY.decode(), "-h", "meters"]
        if loss:
            command += ["-l", "%d%%" % loss]
        self.command = command

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        expect(self.process.poll() is None, "%s did not start", self.command[0])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def put(self, path, body):
        """By libcoap's own client."""
        name = os.path.join(self.folder, "body")
        with open(name, "wb") as file:
            file.write(body)
        for _ in range(5):
            subprocess.run(["coap-client-notls", "-m", "put", "-f", name, "-b", "1024", "-B", "5",
                            "coap://127.0.0.1:%d/%s" % (self.port, path)], check=True, timeout=20,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self.probe("get", path)[1] == body:
                return
        raise AssertionError("%s does not keep what it is given" % self.command[0])

    def probe(self, *words, key=KEY):
        """Exit status, body, and what the meter's side said."""
        plain = self.flavour == "notls"
        done = subprocess.run(
            [PROBE, str(self.port if plain else self.port + 1), "pHXE-000012345678",
             "-" if plain else key.hex(), *[str(w) for w in words]], capture_output=True, timeout=120,
            check=False)
        return done.returncode, done.stdout, done.stderr.decode()


def a_download_is_whole_and_goes_on_anywhere(server):
    body = bytes(range(256)) * 19 + b"the end"  # five blocks of 1,024 bytes
    server.put("image", body)
    status, got, said = server.probe("get", "image")
    expect(status == 0 and got == body and "parts 4" in said, "%d bytes: %s", len(got), said)
    for offset in (1024, 4096):
        status, got, said = server.probe("get", "image", offset)
        expect(status == 0 and got == body[offset:], "from %d: %d bytes: %s", offset, len(got), said)


def an_answer_may_come_later(server):
    status, got, said = server.probe("get", "async")
    expect(status == 0 and b"done" in got and "repeated 0" in said, "%s %s", got, said)


def a_resource_is_observed(server):
    status, got, said = server.probe("watch", "time", 4)
    times = got.decode().split("\n")[:4]
    expect(status == 0 and len(set(times)) == 4, "%s %s", times, said)
    status, _, said = server.probe("watch", "nowhere", 1)
    expect(status == 2 and "4.04" in said, "%s", said)


def a_long_body_is_taken_or_refused_with_a_code(server):
    status, _, said = server.probe("post", "time", 3000)
    expect(status == 2 and "code 4.05" in said, "%s", said)


def a_wrong_key_is_no_session(server):
    status, got, said = server.probe("get", "time", key=b"0123456789abcdeF")
    expect(status == 1 and got == b"" and "no session" in said, "%d %s %s", status, got, said)


def losses_are_made_good(folder, port):
    body = b"0123456789" * 200
    with Server("notls", port, folder, loss=10) as server:
        server.put("image", body)
        repeated = 0
        for _ in range(4):
            status, got, said = server.probe("get", "image")
            expect(status == 0 and got == body, "%d bytes: %s", len(got), said)
            repeated += int(said.split("repeated ")[1].split()[0])
    return repeated


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18956)
    options = parser.parse_args()
    if shutil.which("coap-server-openssl") is None or not os.path.exists(PROBE):
        print("skipped: package libcoap3-bin or coap_probe is missing")
        sys.exit(SKIPPED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", options.port))
    with tempfile.TemporaryDirectory(prefix="meterpay-interop-") as folder:
        for flavour in ("openssl", "gnutls", "notls"):
            with Server(flavour, options.port, folder) as server:
                a_download_is_whole_and_goes_on_anywhere(server)
                an_answer_may_come_later(server)
                a_resource_is_observed(server)
                a_long_body_is_taken_or_refused_with_a_code(server)
                if flavour != "notls":
                    a_wrong_key_is_no_session(server)
            print("libcoap with %s: download, separate answer, observation, errors" % flavour,
                  flush=True)
        print("10 %% of the answers lost: made good with %d repetitions" % losses_are_made_good(
            folder, options.port))


if __name__ == "__main__":
    main()
