# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway's side of docs/operator-api.md in Python, and a runner for the operator under test.

Written from the document, not from the program: the canonical text is built here a second time, and
signed by the openssl program.
"""
import atexit
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKE_CERTS = os.path.join(ROOT, "sim/operator/make_certs.sh")
GATEWAY = "gw-e2e"


class Signer:
    """Ed25519 by a private key in PEM: by libcrypto through ctypes, as a process for each signature
    would make a load of requests impossible."""

    def __init__(self, path):
        import ctypes
        import ctypes.util
        crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
        pointer = ctypes.c_void_p
        for name, result, arguments in (
                ("BIO_new_file", pointer, [ctypes.c_char_p, ctypes.c_char_p]),
                ("BIO_free", ctypes.c_int, [pointer]),
                ("PEM_read_bio_PrivateKey", pointer, [pointer] * 4),
                ("EVP_MD_CTX_new", pointer, []),
                ("EVP_MD_CTX_free", None, [pointer]),
                ("EVP_DigestSignInit", ctypes.c_int, [pointer] * 5),
                ("EVP_DigestSign", ctypes.c_int,
                 [pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t), ctypes.c_char_p,
                  ctypes.c_size_t])):
            function = getattr(crypto, name)
            function.restype = result
            function.argtypes = arguments
        bio = crypto.BIO_new_file(path.encode(), b"r")
        self.key = crypto.PEM_read_bio_PrivateKey(bio, None, None, None)
        crypto.BIO_free(bio)
        assert self.key, path
        self.crypto = crypto
        self.ctypes = ctypes

    def sign(self, data):
        out = self.ctypes.create_string_buffer(64)
        length = self.ctypes.c_size_t(64)
        context = self.crypto.EVP_MD_CTX_new()
        good = (self.crypto.EVP_DigestSignInit(context, None, None, None, self.key) == 1 and
                self.crypto.EVP_DigestSign(context, out, self.ctypes.byref(length), data,
                                           len(data)) == 1)
        self.crypto.EVP_MD_CTX_free(context)
        assert good and length.value == 64
        return out.raw.hex()


def canonical(method, target, gateway, time_us, key, body):
    return ("meterpay-operator-1\n%s\n%s\n%s\n%d\n%s\n%s\n" %
            (method, target, gateway, time_us, key, hashlib.sha256(body).hexdigest())).encode()


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.text = body.decode()
        try:
            self.json = json.loads(self.text)
        except ValueError:
            self.json = None


class Client:
    """One keep-alive connection of one gateway."""

    def __init__(self, folder, port, gateway=GATEWAY, certificate=True, timeout=10):
        self.gateway = gateway
        self.port = port
        self.timeout = timeout
        self.signer = Signer(os.path.join(folder, "operator-sign.key"))
        self.tls = ssl.create_default_context(cafile=os.path.join(folder, "operator-ca.pem"))
        if certificate:
            self.tls.load_cert_chain(os.path.join(folder, "operator-client.pem"),
                                     os.path.join(folder, "operator-client.key"))
        self.connection = None
        self.now_us = lambda: time.time_ns() // 1000

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def send(self, method, target, body=b"", key="", **change):
        """change: replace a header after signing, or time_us before it."""
        time_us = change.pop("time_us", None)
        time_us = self.now_us() if time_us is None else time_us
        text = canonical(method, target, self.gateway, time_us, key, body)
        headers = {"Meterpay-Gateway": self.gateway, "Meterpay-Time": str(time_us),
                   "Meterpay-Signature": self.signer.sign(text)}
        if key:
            headers["Idempotency-Key"] = key
        for name, value in change.items():
            headers[name.replace("_", "-")] = value
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls,
                                                          timeout=self.timeout)
        try:
            self.connection.request(method, target, body, headers)
            reply = self.connection.getresponse()
            return Answer(reply.status, reply.headers, reply.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def post(self, target, value, key, **change):
        return self.send("POST", target, json.dumps(value).encode(), key, **change)

    def debit(self, key, amount_fen, wallet="w1", mandate="m1", capture=True, parts=None, **change):
        return self.post("/v1/reservations", order(amount_fen, wallet, mandate, parts,
                                                   capture=capture), key, **change)

    def refund(self, key, amount_fen, wallet="w1", mandate="m1", parts=None):
        return self.post("/v1/refunds", order(amount_fen, wallet, mandate, parts), key)

    def ask(self, key):
        return self.send("GET", "/v1/orders/" + urllib.parse.quote(key))

    def statement(self, day, after=None):
        """All lines as JSON; the last one has the totals."""
        target = "/v1/statements/" + day + ("" if after is None else "?after=%d" % after)
        answer = self.send("GET", target)
        assert answer.status == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


def order(amount_fen, wallet, mandate, parts, **more):
    if parts is None:
        water = amount_fen // 3
        parts = [("grid", amount_fen - water), ("water", water)]
    value = {"wallet": wallet, "mandate": mandate, "amount_fen": amount_fen,
             "parts": [{"payee": p, "amount_fen": a} for p, a in parts if a > 0]}
    value.update(more)
    return value


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Operator:
    """A real meterpay-operator in a folder of its own."""

    def __init__(self, port, clock=None):
        self.dir = tempfile.mkdtemp(prefix="operator-e2e-")
        self.home = os.path.join(self.dir, "operator")
        self.gateway_folder = os.path.join(self.dir, "gateway")
        self.port = port
        self.clock = clock
        self.process = None
        self.program = os.path.join(os.environ.get("BIN_DIR", "build/bin"), "meterpay-operator")
        self.make_certs(self.gateway_folder, GATEWAY)
        atexit.register(self.remove)

    def remove(self):
        """Whatever happened, leave neither a process nor files behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def make_certs(self, folder, gateway):
        subprocess.run([MAKE_CERTS, "--operator", self.home, "--gateway", folder, "--id", gateway],
                       check=True)

    def start(self):
        command = [self.program, "--dir", self.home, "--port", str(self.port)]
        if self.clock:
            command += ["--clock", self.clock]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "meterpay-operator: ready on https://127.0.0.1:%d\n" % self.port, repr(line)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.process.stdout.close()
        return code

    def admin(self, method, path, value=None, headers=None):
        connection = UnixConnection(os.path.join(self.home, "admin.sock"))
        body = None if value is None else json.dumps(value)
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        answer = Answer(reply.status, reply.headers, reply.read())
        connection.close()
        return answer

    def must(self, method, path, value=None, headers=None):
        answer = self.admin(method, path, value, headers)
        assert answer.status == 200, "%s %s: %d %s" % (method, path, answer.status, answer.text)
        return answer.json

    def fault(self, **rule):
        self.must("POST", "/admin/faults", rule)

    def wallet(self, wallet="w1"):
        return self.must("GET", "/admin/wallets/" + wallet)

    def client(self, **how):
        return Client(self.gateway_folder, self.port, **how)

    def check(self):
        answer = self.must("GET", "/admin/check")
        assert answer["ok"], answer
        return answer


def in_threads(count, work):
    """Run work(index) in that many threads and give back the results; the first failure is raised."""
    results = [None] * count
    failures = []

    def run(index):
        try:
            results[index] = work(index)
        except BaseException as failure:  # it is raised again below
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results
