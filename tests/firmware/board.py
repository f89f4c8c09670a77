# SPDX-License-Identifier: GPL-3.0-or-later
"""One emulated board: started by pid, spoken to on its serial port, killed without warning.

A board's flash is a file that outlives the emulator, so a new Board on the same folder is the same meter
after a power cut.
"""
import os
import queue
import re
import subprocess
import threading
import time

EMULATOR = "qemu-system-arm"
BOARDS = ("emcraft-sf2", "mps2-an385")
FLASH_BYTES = 16 << 20
NUMBER = re.compile(r"(\w+)=(-?\d+)")


class Stopped(Exception):
    """The board ended, or said nothing, when an answer was due; the message has its last lines."""


def images():
    return os.path.join(os.environ.get("BUILD_DIR", "build/dev"), "firmware")


def image(board):
    return os.path.join(images(), board, "meter.elf")


def numbers(line):
    return {key: int(value) for key, value in NUMBER.findall(line)}


class Board:
    def __init__(self, board, folder, name="pHXE-000012345678", gateway="10.0.2.2:18900",
                 key=bytes(range(16)), durable=True, emulator=(), net=None, **setup):
        """In: durable  the driver waits until a write is in the file; without it the emulator loses
                        some of its last writes when it is killed, as a chip with a cache does
               emulator more of the emulator's options; net the back end of the Ethernet
               setup    further words for the board, as in firmware/port/cortex-m/setup.h"""
        self.board, self.folder = board, folder
        self.flash = os.path.join(folder, "flash.bin")
        self.lines = queue.Queue()
        self.log = []
        self.process = None
        key_file = os.path.join(folder, "key.hex")
        os.makedirs(folder, exist_ok=True)
        with open(key_file, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
        if not os.path.exists(self.flash):
            with open(self.flash, "wb") as file:
                file.write(b"\xff" * FLASH_BYTES)
        words = {"name": name, "key": key_file, "gateway": gateway, **setup}
        if board == "emcraft-sf2":
            if durable:
                words["nor"] = self.flash
            model = "msf2-emac"
            storage = ["-drive", f"file={self.flash},if=mtd,format=raw"]
        else:
            model = "lan9118"
            storage = ["-machine", "memory-backend=nv", "-object",
                       f"memory-backend-file,id=nv,size={FLASH_BYTES},mem-path={self.flash},share=on"]
        words = ["meter"] + [f"{key}={value}" for key, value in words.items() if value is not None]
        self.command = [
            EMULATOR, "-M", board, "-kernel", image(board), "-display", "none", "-monitor", "none",
            "-serial", "stdio", "-semihosting-config",
            "enable=on,target=native," + ",".join("arg=" + word for word in words),
            *storage, "-nic", f"{net or 'user'},model={model}", *emulator]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        """Power on."""
        self.lines = queue.Queue()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        threading.Thread(target=self._collect, args=(self.process, self.lines), daemon=True).start()

    def _collect(self, process, lines):
        for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.log.append(text)
            lines.put(text)
        lines.put(None)

    def started(self, seconds=30):
        """Wait until the meter runs. Returns: the numbers of its first line."""
        return numbers(self.wait("started ", seconds))

    def wait(self, head, seconds=20):
        """Wait for a line that begins so; others are passed over."""
        until = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise Stopped(f"no line '{head}' within {seconds} s: {self.log[-5:]}") from None
            if line is None:
                raise Stopped(f"the board ended before '{head}': {self.log[-5:]}")
            if line.startswith(head):
                return line

    def say(self, line):
        self.process.stdin.write(line.encode("ascii") + b"\n")
        self.process.stdin.flush()

    def ask(self, line, head, seconds=20):
        """Say a line. Returns: the numbers of the answer."""
        self.say(line)
        return numbers(self.wait(head, seconds))

    def kill(self):
        """Cut the power."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        return self.exit_status()

    def exit_status(self, seconds=20):
        if self.process is None:
            return None
        status = self.process.wait(seconds)
        if self.process.stdin:
            self.process.stdin.close()
        self.process = None
        return status
