# SPDX-License-Identifier: GPL-3.0-or-later
"""A stretch of bad network between a meter and the gateway: datagrams are lost, repeated and overtaken, the
meter's address changes as behind a router that translates addresses, or nothing passes at all.

    with Proxy(port, ("127.0.0.1", 5684), seed) as net:
        net.worse(loss=30, reorder=20, repeat=10)
"""
import random
import selectors
import socket
import threading
import time

DATAGRAM_MAX = 2048


class Proxy:
    """In: port  where the meter sends to; gateway  where the datagrams go on to."""

    def __init__(self, port, gateway, seed):
        self.gateway = gateway
        self.random = random.Random(seed)
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(("127.0.0.1", port))
        self.meter = None
        self.last_up = b""
        self.held = []  # (due, function, data) of datagrams that others overtake
        self.counts = {"up": 0, "down": 0, "lost": 0, "overtaken": 0, "repeated": 0, "moved": 0,
                       "largest": 0}
        self.cut = False
        self.loss = self.reorder = self.repeat = 0
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._open_outside()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.inside.close()
        self.outside.close()

    def worse(self, loss=0, reorder=0, repeat=0):
        """Percent of the datagrams, each way; without any: a good network again."""
        with self.lock:
            self.loss, self.reorder, self.repeat = loss, reorder, repeat

    def move(self):
        """From now on the gateway sees another source port."""
        with self.lock:
            self.outside.close()
            self._open_outside()
            self.counts["moved"] += 1

    def _open_outside(self):
        self.outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outside.bind(("127.0.0.1", 0))

    def _run(self):
        while not self.stop.is_set():
            with self.lock:
                outside = self.outside
            with selectors.DefaultSelector() as selector:
                selector.register(self.inside, selectors.EVENT_READ)
                try:
                    selector.register(outside, selectors.EVENT_READ)
                except (ValueError, OSError):
                    continue  # It was closed by a move meanwhile.
                ready = [key.fileobj for key, _ in selector.select(0.02)]
            with self.lock:
                if self.inside in ready:
                    self._take(self.inside, self._up, "up")
                if outside in ready and outside is self.outside:
                    self._take(outside, self._down, "down")
                now = time.monotonic()
                due = [held for held in self.held if held[0] <= now]
                self.held = [held for held in self.held if held[0] > now]
                for _, function, data in due:
                    function(data)

    def _take(self, from_socket, function, way):
        try:
            data, address = from_socket.recvfrom(DATAGRAM_MAX)
        except OSError:
            return  # Nobody is there on the other side: the meter finds out by itself.
        if way == "up":
            self.meter, self.last_up = address, data
        self.counts[way] += 1
        self.counts["largest"] = max(self.counts["largest"], len(data))
        if self.cut or self.random.randrange(100) < self.loss:
            self.counts["lost"] += 1
            return
        if self.random.randrange(100) < self.repeat:
            self.counts["repeated"] += 1
            function(data)
        if self.random.randrange(100) < self.reorder:
            self.counts["overtaken"] += 1
            self.held.append((time.monotonic() + self.random.uniform(0.02, 0.4), function, data))
            return
        function(data)

    def _up(self, data):
        try:
            self.outside.sendto(data, self.gateway)
        except OSError:
            pass  # As lost on the way.

    def _down(self, data):
        if self.meter is not None:
            self.inside.sendto(data, self.meter)
