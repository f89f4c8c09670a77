# SPDX-License-Identifier: GPL-3.0-or-later
"""A meter in Python, written from the descriptions in meters/*.h and not from the code behind them: keys,
COSE, SenML-CBOR, and MQTT over TLS with a pre-shared key. The tests use it to say what no honest
meter says.
"""
import ctypes
import ctypes.util
import hashlib
import hmac
import itertools
import os
import queue
import select
import socket
import struct
import subprocess
import threading
import time

# ---- AES-CCM by libcrypto ----------------------------------------------------------------------------

_crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
for _name, _result, _arguments in (
        ("EVP_CIPHER_CTX_new", ctypes.c_void_p, []),
        ("EVP_CIPHER_CTX_free", None, [ctypes.c_void_p]),
        ("EVP_aes_128_ccm", ctypes.c_void_p, []),
        ("EVP_CIPHER_CTX_ctrl", ctypes.c_int,
         [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]),
        ("EVP_CipherInit_ex", ctypes.c_int,
         [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p,
          ctypes.c_int]),
        ("EVP_CipherUpdate", ctypes.c_int,
         [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), ctypes.c_char_p,
          ctypes.c_int])):
    _function = getattr(_crypto, _name)
    _function.restype = _result
    _function.argtypes = _arguments

_IV_BYTES, _GET_TAG, _SET_TAG = 0x9, 0x10, 0x11
TAG_BYTES = 8


def _ccm(key, nonce, aad, data, tag):
    """tag None: encrypt, returns ciphertext with its tag; else decrypt, returns None if it differs."""
    sealing = tag is None
    context = _crypto.EVP_CIPHER_CTX_new()
    out = ctypes.create_string_buffer(len(data) + 16)
    size = ctypes.c_int()
    try:
        _crypto.EVP_CipherInit_ex(context, _crypto.EVP_aes_128_ccm(), None, None, None, sealing)
        _crypto.EVP_CIPHER_CTX_ctrl(context, _IV_BYTES, len(nonce), None)
        _crypto.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, TAG_BYTES, tag)
        _crypto.EVP_CipherInit_ex(context, None, None, key, nonce, sealing)
        _crypto.EVP_CipherUpdate(context, None, ctypes.byref(size), None, len(data))
        _crypto.EVP_CipherUpdate(context, None, ctypes.byref(size), aad, len(aad))
        good = _crypto.EVP_CipherUpdate(context, out, ctypes.byref(size), data, len(data)) == 1
        if not sealing:
            return out.raw[:len(data)] if good else None
        result = out.raw[:len(data)]
        _crypto.EVP_CIPHER_CTX_ctrl(context, _GET_TAG, TAG_BYTES, out)
        return result + out.raw[:TAG_BYTES]
    finally:
        _crypto.EVP_CIPHER_CTX_free(context)


def derive(root, purpose, name):
    """HKDF-SHA256 (RFC 5869), one block, as meters/keys.h describes it."""
    secret = hmac.new(b"meterpay keys 1", root, hashlib.sha256).digest()
    info = purpose.encode() + b"\x00" + name.encode()
    key = hmac.new(secret, info + b"\x01", hashlib.sha256).digest()[:16]
    if purpose == "transport":
        key = bytes(b | 0x80 if b in (0x00, 0x0A) else b for b in key)
    return key


# ---- CBOR (RFC 8949), what SenML and COSE need ---------------------------------------------------------

class Tag:
    def __init__(self, number, value):
        self.number = number
        self.value = value


def _head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise ValueError(value)


def cbor(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(cbor(item) for item in value)
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    if isinstance(value, Tag):
        return _head(6, value.number) + cbor(value.value)
    raise TypeError(value)


def cbor_read(data, at=0):
    """(value, where it ends) of what a gateway sends: definite lengths, no floats."""
    major, code = data[at] >> 5, data[at] & 31
    at += 1
    if code >= 24:
        size = 1 << (code - 24)
        code = int.from_bytes(data[at:at + size], "big")
        at += size
    if major <= 1:
        return (code if major == 0 else -1 - code), at
    if major in (2, 3):
        text = data[at:at + code]
        return (text if major == 2 else text.decode()), at + code
    if major == 4:
        items = []
        for _ in range(code):
            item, at = cbor_read(data, at)
            items.append(item)
        return items, at
    if major == 5:
        result = {}
        for _ in range(code):
            key, at = cbor_read(data, at)
            result[key], at = cbor_read(data, at)
        return result, at
    raise ValueError("a kind of CBOR that is not read: %d" % major)


# ---- the meter -----------------------------------------------------------------------------------------

NAME, UNIT, VALUE, TIME, BASE_TIME = 0, 1, 2, 6, -3
TOTALS = {"p": ("1.8.0", "Wh"), "w": ("1.0.0", "l"), "g": ("3.0.0", "l")}


class Meter:
    """Seals messages and opens receipts. Its name says its medium."""

    def __init__(self, name, root):
        self.name = name
        self.root = root
        self.up_key = derive(root, "up", name)
        self.down_key = derive(root, "down", name)
        self.psk = derive(root, "transport", name)
        self.counter = 0
        self.seq = 0
        self.total = 0

    def record(self, time_us, total):
        """The SenML record of a register, in Wh or ml."""
        register, unit = TOTALS[self.name[0]]
        value = total if unit == "Wh" else Tag(4, [-3, total])
        time = time_us // 10 ** 6 if time_us % 10 ** 6 == 0 else Tag(4, [-6, time_us])
        return {NAME: register, UNIT: unit, VALUE: value, TIME: time}

    def payload(self, readings, seq=None):
        """SenML-CBOR of [(time_us, total)], numbered from seq (default: the journal's next)."""
        if seq is None:
            seq = self.seq
            self.seq += len(readings)
        records = [] if seq < 0 else [{NAME: "seq", VALUE: seq}]
        return cbor(records + [self.record(*reading) for reading in readings])

    def seal(self, payload, counter=None, key=None, name=None):
        """COSE_Encrypt0. key, name, counter: to lie about one of them."""
        if counter is None:
            self.counter += 1
            counter = self.counter
        protected = cbor({1: 10})
        iv = counter.to_bytes(max(1, (counter.bit_length() + 7) // 8), "big")
        aad = cbor(["Encrypt0", protected, (name or self.name).encode()])
        sealed = _ccm(key or self.up_key, iv.rjust(13, b"\0"), aad, payload, None)
        return cbor([protected, {6: iv}, sealed])

    def message(self, *readings):
        return self.seal(self.payload(list(readings)))

    def receipt(self, data):
        """(next_seq, time in seconds) of a receipt, or None when it does not verify or is no receipt."""
        (protected, headers, sealed), _ = cbor_read(data)
        aad = cbor(["Encrypt0", protected, self.name.encode()])
        plain = _ccm(self.down_key, headers[6].rjust(13, b"\0"), aad, sealed[:-TAG_BYTES],
                     sealed[-TAG_BYTES:])
        if plain is None:
            return None
        said = {record[NAME]: record[VALUE] for record in cbor_read(plain)[0]}
        return (said["ack"], said["time"]) if "ack" in said else None


# ---- MQTT 3.1.1 ------------------------------------------------------------------------------------------

def _text(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


def _packet(kind, body):
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (128 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


class _SocketPipe:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def write(self, data):
        self.socket.sendall(data)

    def read(self, size):
        return self.socket.recv(size)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class _TcpPipe(_SocketPipe):
    def __init__(self, port):  # pylint: disable=super-init-not-called
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.settimeout(None)


class _TlsPipe:
    """TLS with a pre-shared key, which Python's own ssl cannot do, through the openssl program."""

    def __init__(self, port, identity, psk):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:%d" % port, "-tls1_2",
             "-cipher", "PSK", "-psk_identity", identity, "-psk", psk.hex()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)

    def write(self, data):
        self.process.stdin.write(data)

    def read(self, size):
        return self.process.stdout.read(size)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Refused(Exception):
    """The broker let nobody in."""


class Mqtt:
    """A connection to the broker, quality of service 0 or 1. What comes in is queued by topic."""

    def __init__(self, pipe, client_id, username=None, password=None):
        self.pipe = pipe
        self.lock = threading.Lock()
        self.packets = itertools.cycle(range(1, 65536))
        self.messages = queue.Queue()
        self.acks = queue.Queue()
        self.on_message = lambda topic, payload: self.messages.put((topic, payload))
        flags = 2 | (0x80 if username else 0) | (0x40 if password else 0)
        body = _text("MQTT") + bytes([4, flags, 0, 60]) + _text(client_id)
        body += (_text(username) if username else b"") + (_text(password) if password else b"")
        try:
            self.pipe.write(_packet(0x10, body))
            kind, answer = self._next()
        except (OSError, EOFError) as error:
            self.close()
            raise Refused("no connection") from error
        if kind != 0x20 or answer[1] != 0:
            self.close()
            raise Refused("CONNACK %s" % answer.hex())
        self.reader = threading.Thread(target=self._read_all, daemon=True)
        self.reader.start()

    @staticmethod
    def as_gateway(folder, username="gateway", client_id="proof"):
        """By the gateway's own password: may read everything and write only what a gateway may."""
        with open(folder + "/gateway.password", encoding="utf-8") as file:
            password = file.readline().strip()
        return Mqtt(_SocketPipe(folder + "/broker.sock"), client_id, username, password)

    @staticmethod
    def as_user(port, user, password):
        """A foreign device, on the listener for such."""
        return Mqtt(_TcpPipe(port), user, user, password)

    @staticmethod
    def as_meter(port, name, psk):
        return Mqtt(_TlsPipe(port, name, psk), name)

    def close(self):
        self.pipe.close()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.pipe.read(size - len(data))
            if not more:
                raise EOFError()
            data += more
        return data

    def _next(self):
        kind = self._exactly(1)[0]
        size, shift = 0, 0
        while True:
            digit = self._exactly(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return kind, self._exactly(size)

    def _read_all(self):
        try:
            while True:
                kind, body = self._next()
                if kind >> 4 == 3:
                    size = struct.unpack(">H", body[:2])[0]
                    at = 2 + size + (2 if kind & 6 else 0)
                    self.on_message(body[2:2 + size].decode(), body[at:])
                else:
                    self.acks.put((kind, body))
        except (OSError, EOFError, ValueError):
            self.acks.put((0, b""))

    def _send(self, data):
        with self.lock:
            self.pipe.write(data)

    def subscribe(self, topic):
        """True when the broker granted it."""
        number = struct.pack(">H", next(self.packets))
        self._send(_packet(0x82, number + _text(topic) + b"\0"))
        kind, body = self.acks.get(timeout=10)
        return kind == 0x90 and body[2] != 0x80

    def publish(self, topic, payload):
        self._send(_packet(0x30, _text(topic) + payload))

    def publish_and_wait(self, topic, payload):
        """Quality of service 1: returns when the broker has answered; False when the connection ended.
        A broker that does not allow the topic answers all the same and drops it (MQTT 3.1.1)."""
        number = struct.pack(">H", next(self.packets))
        self._send(_packet(0x32, _text(topic) + number + payload))
        kind, _ = self.acks.get(timeout=10)
        return kind == 0x40


# ---- CoAP (RFC 7252) -------------------------------------------------------------------------------------

COSE_ENCRYPT0, COSE_SIGN1, SENML_CBOR, SENML_JSON, OPAQUE = 16, 18, 112, 110, 42


class _UdpPipe:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(0.2)

    def write(self, data):
        self.socket.send(data)

    def read(self, size):
        return self.socket.recv(size)

    def close(self):
        self.socket.close()


class _DtlsPipe(_TlsPipe):
    """DTLS with a pre-shared key. Each write is one datagram, and each read what one brought."""

    def __init__(self, port, identity, psk):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:%d" % port, "-dtls1_2",
             "-cipher", "PSK-AES128-CCM8:PSK-AES128-GCM-SHA256", "-psk_identity", identity, "-psk",
             psk.hex(), "-timeout"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)

    def read(self, size):
        ready, _, _ = select.select([self.process.stdout], [], [], 0.2)
        if not ready:
            raise TimeoutError()
        return self.process.stdout.read(size)


def _option(delta, value):
    """An option whose delta and length are under 269."""
    def nibble(number):
        return (number, b"") if number < 13 else (13, bytes([number - 13]))
    first, more = nibble(delta)
    second, rest = nibble(len(value))
    return bytes([first << 4 | second]) + more + rest + value


class Coap:
    """A client that posts, one request at a time."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.number = int.from_bytes(os.urandom(2), "big")

    @staticmethod
    def plain(port):
        return Coap(_UdpPipe(port))

    @staticmethod
    def as_meter(port, name, psk):
        return Coap(_DtlsPipe(port, name, psk))

    def close(self):
        self.pipe.close()

    def request(self, name, payload, content=COSE_ENCRYPT0, protocol=None):
        """The datagram of POST /m/<name>, and its token. protocol: of a raw frame, when it is named."""
        self.number = (self.number + 1) % 65536
        token = os.urandom(4)
        options = _option(11, b"m") + _option(0, name.encode())
        options += _option(1, bytes([content]))
        if protocol is not None:
            options += _option(3, ("p=" + protocol).encode())
        return (bytes([0x44, 0x02]) + struct.pack(">H", self.number) + token + options +
                b"\xff" + payload), token

    def post(self, name, payload, content=COSE_ENCRYPT0, seconds=8, protocol=None):
        """(class, detail, payload) of the answer, as (2, 4, receipt); None when none came."""
        data, token = self.request(name, payload, content, protocol)
        deadline = time.monotonic() + seconds
        sent = 0.0
        while time.monotonic() < deadline:
            if time.monotonic() - sent > 2:
                sent = time.monotonic()
                try:
                    self.pipe.write(data)
                except OSError:
                    return None
            try:
                answer = self.pipe.read(4096)
            except TimeoutError:
                continue
            except OSError:
                return None
            if not answer:
                return None
            found = self._answer(answer, token)
            if found is not None:
                return found
        return None

    def _answer(self, answer, token):
        size = answer[0] & 15
        if answer[1] == 0 or answer[4:4 + size] != token:
            return None
        if answer[0] >> 4 & 3 == 0:  # Confirmable: acknowledge it.
            self.pipe.write(bytes([0x60, 0]) + answer[2:4])
        at = 4 + size
        while at < len(answer) and answer[at] != 0xff:
            length, skip = answer[at] & 15, 1 + (1 if answer[at] >> 4 == 13 else 0)
            if length == 13:
                length = 13 + answer[at + skip]
                skip += 1
            at += skip + length
        return answer[1] >> 5, answer[1] & 31, answer[at + 1:]
