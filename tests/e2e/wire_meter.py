# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated meters on a bus, written from the standards: DL/T 645, CJ/T 188, M-Bus and Modbus. A second
implementation, so that both sides of the wire do not share a mistake.

A bus answers on a pseudo-terminal or a TCP port, from a thread. Its wire may echo, carry noise, and let
the answers of several meters collide.
"""
import os
import pty
import random
import select
import socket
import struct
import threading
import time
import tty


def total_of(data):
    return bytes([sum(data) & 0xff, 0x16])


def bcd(value, length):
    return bytes.fromhex("%0*d" % (2 * length, value))[::-1]


class Meter:
    """silent: it is dead. wait_s: before it answers; pause_s: between two bytes of the answer."""

    def __init__(self, number, total, wait_s=0.0, pause_s=0.0):
        self.number, self.total = number, total
        self.silent, self.wait_s, self.pause_s = False, wait_s, pause_s
        self.asked = 0


class Dlt645(Meter):
    """total in 0.01 kWh."""

    def answer(self, data):
        at = data.find(b"\x68")
        while at >= 0:
            frame = data[at:]
            if len(frame) >= 16 and frame[7] == 0x68 and frame[8] == 0x11 and frame[9] == 4:
                return self.read(frame[1:7], bytes((b - 0x33) & 0xff for b in frame[10:14]))
            at = data.find(b"\x68", at + 1)
        return None

    def read(self, address, identifier):
        own = bytes.fromhex(self.number)[::-1]
        if any(a not in (0xaa, o) for a, o in zip(address, own)) or identifier != b"\0\0\1\0":
            return None
        said = identifier + bcd(self.total, 4)
        frame = b"\x68" + own + b"\x68\x91" + bytes([len(said)]) + bytes(
            (b + 0x33) & 0xff for b in said)
        return b"\xfe\xfe" + frame + total_of(frame)


class Cjt188(Meter):
    """total in 0.01 m3; answers questions with the identifier low byte first only."""

    def answer(self, data):
        at = data.find(b"\x68")
        own = bytes.fromhex(self.number)[::-1]
        frame = data[at:]
        if at < 0 or len(frame) < 16 or frame[9:11] != b"\x01\x03" or frame[11:13] != b"\x1f\x90":
            return None
        if any(a not in (0xaa, o) for a, o in zip(frame[2:9], own)):
            return None
        said = b"\x1f\x90" + frame[13:14] + bcd(self.total, 4) + b"\x2c" + bcd(0, 4) + b"\x2c" + \
            bytes.fromhex("00000020052026")[::1] + b"\0\0"
        reply = b"\x68\x10" + own + b"\x81" + bytes([len(said)]) + said
        return b"\xfe\xfe" + reply + total_of(reply)


class Mbus(Meter):
    """total in litres, maker ABC, water. A short telegram without a register comes first when asked to."""

    def __init__(self, number, total, address, **how):
        super().__init__(number, total, **how)
        self.address, self.selected = address, False

    def answer(self, data):
        own = bytes.fromhex(self.number)[::-1]
        if len(data) >= 17 and data[0] == 0x68 and data[4:7] == b"\x53\xfd\x52":
            digits = data[7:11][::-1].hex()
            self.selected = all(a in ("f", b) for a, b in zip(digits, self.number))
            return b"\xe5" if self.selected else None
        if len(data) < 5 or data[0] != 0x10 or data[4] != 0x16:
            return None
        if data[2] != self.address and not (data[2] == 0xfd and self.selected):
            return None
        if data[1] == 0x40:
            return b"\xe5"
        if data[1] not in (0x5b, 0x7b):
            return None
        body = b"\x08" + bytes([self.address]) + b"\x72" + own + b"\x43\x04\x01\x07\x10\0\0\0" + \
            b"\x04\x13" + struct.pack("<I", self.total)
        return b"\x68" + bytes([len(body)] * 2) + b"\x68" + body + total_of(body)


class Modbus(Meter):
    """A float32 of kWh in the input registers 72 and 73, by Modbus/TCP."""

    def answer(self, data):
        if len(data) < 12:
            return None
        transaction, _, _, unit, function, first, count = struct.unpack(">HHHBBHH", data[:12])
        if str(unit) != self.number:
            return None
        if function != 4 or first != 72 or count != 2:
            return struct.pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, 2)
        return struct.pack(">HHHBBB", transaction, 0, 7, unit, 4, 4) + struct.pack(">f", self.total)


class Bus:
    """Meters on one wire."""

    def __init__(self, meters, echo=False, noise=False):
        self.meters, self.echo, self.noise = meters, echo, noise
        self.random = random.Random(1)
        self.ending = False
        self.heard = []

    def on_pty(self):
        self.fd, self.far = pty.openpty()
        tty.setraw(self.fd)
        tty.setraw(self.far)
        self.path = os.ttyname(self.far)
        threading.Thread(target=self.run_pty, daemon=True).start()
        return self

    def on_tcp(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.run_tcp, daemon=True).start()
        return self

    def run_pty(self):
        self.serve(lambda: os.read(self.fd, 4096), lambda data: os.write(self.fd, data), self.fd)

    def run_tcp(self):
        while not self.ending:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, daemon=True, args=(
                lambda c=connection: c.recv(4096), connection.sendall, connection)).start()

    def serve(self, read, write, descriptor):
        try:
            while not self.ending:
                data = read()
                while data and select.select([descriptor], [], [], 0.02)[0]:
                    data += read()
                if not data:
                    return
                self.heard.append(data)
                self.reply(data, write)
        except OSError:
            pass  # The other end is gone.

    def reply(self, data, write):
        if self.echo:
            write(data)
        if self.noise:
            write(bytes(self.random.choice((0x00, 0xff, 0xfe, 0x68)) for _ in range(3)))
        said = [(m, m.answer(data)) for m in self.meters if not m.silent]
        said = [(m, a) for m, a in said if a]
        for meter, _ in said:
            meter.asked += 1
        if len(said) == 1:
            meter, answer = said[0]
            time.sleep(meter.wait_s)
            step = 1 if meter.pause_s else len(answer)
            for at in range(0, len(answer), step):
                write(answer[at:at + step])
                time.sleep(meter.pause_s)
        elif said:
            # A zero wins over a one on the wire.
            longest = max(len(a) for _, a in said)
            mixed = bytearray(b"\xff" * longest)
            for _, answer in said:
                for i, byte in enumerate(answer):
                    mixed[i] &= byte
            write(bytes(mixed))
