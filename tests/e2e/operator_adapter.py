# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's adapter gw_operator (as the program operator_gateway) against meterpay-operator.

    operator_adapter.py [PATTERN]     runs every test, or those whose names contain PATTERN
"""
import atexit
import os
import queue
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

from operator_client import GATEWAY, Operator

PORT = 18220
TESTS = []
BIN_DIR = os.environ.get("BIN_DIR", "build/bin")
NONE, SHORT, LIMIT, MANDATE, WALLET, REQUEST, OTHER = range(7)  # enum gw_refusal
OK, IO, CORRUPT, INVALID = 0, -2, -3, -4  # enum gw_status
COUNTS = ("sent", "asked", "done", "refused", "unknown", "no_answer", "trust", "garbled", "queued",
          "flying")


def test(function):
    TESTS.append(function)
    return function


class Gateway:
    """The C adapter in a process; results come by number."""

    def __init__(self, op, folder=None, gateway=GATEWAY, timeout_ms=3000, concurrency=4, port=None,
                 url=None):
        url = url or "https://127.0.0.1:%d" % (port or op.port)
        self.process = subprocess.Popen(
            [os.path.join(BIN_DIR, "operator_gateway"), url, folder or op.gateway_folder, gateway,
             str(timeout_ms), str(concurrency)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        self.lines = queue.Queue()
        self.results = {}
        threading.Thread(target=self.read, daemon=True).start()
        first = self.lines.get(timeout=20)
        if first != "open":
            raise RuntimeError(self.process.stderr.read())

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put("")

    def tell(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def next(self, timeout=20):
        line = self.lines.get(timeout=timeout)
        assert line != "", "the adapter ended: " + self.process.stderr.read()
        return line

    def order(self, action, number, amount_fen=300, name="a", kind="debit"):
        """Returns (event, refusal, ref)."""
        self.tell("%s %d %s %d %s %s" % (action, number, kind, amount_fen, name, name))
        word, got, event, refusal, ref = self.next().split()
        assert (word, int(got)) == ("result", number)
        return event, int(refusal), ref

    def counts(self):
        self.tell("counts")
        return dict(zip(COUNTS, map(int, self.next().split()[1:])))

    def problem(self):
        self.tell("problem")
        return self.next()[len("problem "):]

    def statement(self, day, after=0):
        """Returns (rows, end)."""
        self.tell("statement %d %d" % (day, after))
        rows = []
        while True:
            words = self.next().split()
            if words[0] == "end":
                return rows, list(map(int, words[1:]))
            rows.append(words[1:])

    def quit(self):
        self.tell("quit")
        while True:
            words = self.next().split()
            if words[0] == "closed":
                assert self.process.wait(10) == 0, self.process.stderr.read()
                return int(words[1])


def add(op, name, balance_fen=1000000, **mandate):
    op.must("POST", "/admin/wallets", {"id": name, "class": "I", "type": "personal",
                                       "balance_fen": balance_fen})
    op.must("POST", "/admin/mandates", dict({"id": name, "wallet": name, "gateway": GATEWAY},
                                            **mandate))


def today():
    return int((time.time() + 8 * 3600) // 86400)


@test
def an_order_is_done_and_known_when_asked(op):
    add(op, "a")
    gateway = Gateway(op)
    event, refusal, ref = gateway.order("send", 1)
    assert (event, refusal) == ("done", NONE) and ref != "-"
    assert gateway.order("ask", 1) == ("done", NONE, ref)
    assert gateway.order("send", 1) == ("done", NONE, ref)
    assert gateway.order("ask", 2) == ("unknown", NONE, "-")
    assert gateway.order("send", 3, 100, kind="refund")[:2] == ("done", NONE)
    assert op.wallet("a")["balance_fen"] == 1000000 - 300 + 100
    counts = gateway.counts()
    assert [counts[n] for n in COUNTS] == [3, 2, 4, 0, 1, 0, 0, 0, 0, 0], counts
    gateway.quit()


@test
def refusals_are_told_with_their_reason(op):
    add(op, "b", balance_fen=100)
    add(op, "b2", single_fen=10)
    op.must("POST", "/admin/wallets", {"id": "b3", "class": "IV", "type": "personal",
                                       "balance_fen": 900000})
    op.must("POST", "/admin/mandates", {"id": "b3", "wallet": "b3", "gateway": GATEWAY})
    gateway = Gateway(op)
    assert gateway.order("send", 11, 101, "b") == ("refused", SHORT, "-")
    assert gateway.order("send", 12, 11, "b2") == ("refused", MANDATE, "-")
    assert gateway.order("send", 13, 200001, "b3") == ("refused", LIMIT, "-")
    assert gateway.order("send", 14, 1, "none") == ("refused", WALLET, "-")
    assert gateway.order("send", 15, 1, "b", kind="refund") == ("refused", OTHER, "-")
    assert gateway.order("ask", 13, 200001, "b3") == ("refused", LIMIT, "-")
    op.must("POST", "/admin/wallets/b/status", {"status": "frozen"})
    assert gateway.order("send", 16, 1, "b") == ("refused", WALLET, "-")
    assert gateway.order("send", 17, 1, "bad/id") == ("refused", REQUEST, "-")
    assert gateway.counts()["garbled"] == 0
    gateway.quit()


@test
def a_key_that_was_used_for_something_else_is_refused_with_an_alarm(op):
    add(op, "c")
    gateway = Gateway(op)
    assert gateway.order("send", 21, 300, "c")[0] == "done"
    assert gateway.order("send", 21, 301, "c") == ("refused", REQUEST, "-")
    assert gateway.counts()["garbled"] == 1 and "another request" in gateway.problem()
    # Asked about with other values, the operator's order is not ours: nothing may be booked.
    assert gateway.order("ask", 21, 301, "c") == ("no_answer", NONE, "-")
    assert "another order" in gateway.problem()
    gateway.quit()


@test
def a_lost_reply_is_no_answer_and_is_never_sent_again_by_itself(op):
    add(op, "d")
    gateway = Gateway(op, concurrency=1)
    assert gateway.order("send", 31, 100, "d")[0] == "done"  # the connection is kept alive now
    before = op.must("GET", "/admin/status")["request_count"]
    op.fault(fault="reply_lost", count=1)
    assert gateway.order("send", 32, 100, "d") == ("no_answer", NONE, "-")
    assert op.must("GET", "/admin/status")["request_count"] == before + 1
    assert gateway.order("ask", 32, 100, "d")[0] == "done"
    op.fault(fault="reply_lost", count=1)  # and on a connection that is new
    fresh = Gateway(op)
    assert fresh.order("send", 33, 100, "d")[0] == "no_answer"
    assert fresh.order("ask", 33, 100, "d")[0] == "done"
    op.fault(fault="request_lost", count=1, on="post")
    assert fresh.order("send", 34, 100, "d")[0] == "no_answer"
    assert fresh.order("ask", 34, 100, "d")[0] == "unknown"
    assert fresh.order("send", 34, 100, "d")[0] == "done"
    assert op.wallet("d")["balance_fen"] == 1000000 - 400
    fresh.quit()
    gateway.quit()


@test
def errors_and_garbage_are_no_answer(op):
    add(op, "e")
    gateway = Gateway(op)
    for number, fault in ((41, "error"), (42, "error_after"), (43, "garbled")):
        op.fault(fault=fault, count=1)
        assert gateway.order("send", number, 100, "e") == ("no_answer", NONE, "-")
    assert [gateway.order("ask", n, 100, "e")[0] for n in (41, 42, 43)] == ["unknown", "done", "done"]
    counts = gateway.counts()
    assert (counts["no_answer"], counts["garbled"], counts["trust"]) == (3, 1, 0), counts
    gateway.quit()


@test
def a_slow_reply_times_out_and_others_go_on_meanwhile(op):
    add(op, "f")
    gateway = Gateway(op, timeout_ms=500)
    op.fault(fault="slow", ms=3000, count=1)
    began = time.monotonic()
    gateway.tell("send 51 debit 100 f f")
    time.sleep(0.1)
    assert gateway.order("send", 52, 100, "f")[0] == "done"
    assert time.monotonic() - began < 0.4
    assert gateway.next().startswith("result 51 no_answer")
    assert 0.4 < time.monotonic() - began < 1.5
    assert gateway.order("ask", 51, 100, "f")[0] == "done"
    gateway.quit()


@test
def closing_takes_less_than_a_second_whatever_is_under_way(op):
    add(op, "g")
    gateway = Gateway(op, timeout_ms=60000, concurrency=8)
    op.fault(fault="slow", ms=4000, count=8)
    for number in range(8):
        gateway.tell("send %d debit 1 g g" % (60 + number))
    time.sleep(0.3)
    assert gateway.quit() < 1000
    op.must("DELETE", "/admin/faults")


@test
def an_operator_that_is_down_is_no_answer_until_it_is_up(op):
    add(op, "h")
    gateway = Gateway(op)
    assert gateway.order("send", 71, 100, "h")[0] == "done"
    op.stop(signal.SIGKILL)
    assert gateway.order("send", 72, 100, "h") == ("no_answer", NONE, "-")
    assert gateway.order("ask", 72, 100, "h") == ("no_answer", NONE, "-")
    assert gateway.counts()["trust"] == 0
    op.start()
    assert gateway.order("ask", 72, 100, "h")[0] == "unknown"
    assert gateway.order("send", 72, 100, "h")[0] == "done"
    gateway.quit()


@test
def wrong_keys_are_an_alarm_and_not_the_households_refusal(op):
    add(op, "i")
    folder = os.path.join(op.dir, "wrong-signing-key")
    shutil.copytree(op.gateway_folder, folder)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out",
                    folder + "/operator-sign.key"], check=True)
    os.chmod(folder + "/operator-sign.key", 0o600)
    gateway = Gateway(op, folder=folder)
    assert gateway.order("send", 81, 100, "i") == ("no_answer", NONE, "-")
    assert gateway.order("ask", 81, 100, "i") == ("no_answer", NONE, "-")
    assert gateway.statement(today())[1][0] == INVALID
    assert gateway.counts()["trust"] == 3
    gateway.quit()
    other = Gateway(op, gateway="gw-other")  # the certificate is gw-e2e's
    assert other.order("send", 82, 100, "i")[0] == "no_answer"
    assert other.counts()["trust"] == 1 and "does not accept our keys" in other.problem()
    other.quit()
    assert op.wallet("i")["balance_fen"] == 1000000


@test
def an_operator_of_another_ca_is_not_talked_to(op):
    other = Operator(PORT + 1)
    other.start()
    gateway = Gateway(op, port=other.port)
    assert gateway.order("send", 91, 100, "a")[0] == "no_answer"
    assert gateway.counts()["trust"] == 1 and "certificate" in gateway.problem().lower()
    gateway.quit()
    # And a name that the certificate does not have, although it leads to the right server.
    gateway = Gateway(op, url="https://127.0.0.2:%d" % op.port)
    assert gateway.order("send", 92, 100, "a")[0] == "no_answer"
    gateway.quit()
    other.stop()


@test
def a_certificate_of_another_ca_is_turned_away(op):
    other = Operator(PORT + 1)
    folder = os.path.join(op.dir, "foreign")
    shutil.copytree(other.gateway_folder, folder)
    shutil.copy(op.gateway_folder + "/operator-ca.pem", folder + "/operator-ca.pem")
    gateway = Gateway(op, folder=folder)
    assert gateway.order("send", 93, 100, "a")[0] == "no_answer"
    gateway.quit()


@test
def a_statement_comes_row_by_row_and_adds_up(op):
    add(op, "j")
    gateway = Gateway(op, concurrency=16)
    before = gateway.statement(today())[1]
    assert before[0] == OK
    op.must("POST", "/admin/wallets", {"id": "w0", "class": "I", "type": "personal",
                                       "balance_fen": 5000})
    op.must("POST", "/admin/mandates", {"id": "m0", "wallet": "w0", "gateway": GATEWAY})
    gateway.tell("load 1000 2000 5 1")
    events = [gateway.next().split() for _ in range(2000)]
    done = {"%s-%s" % (GATEWAY, e[1]): e[4] for e in events if e[2] == "done"}
    rows, end = gateway.statement(today(), before[2])
    assert {r[1]: r[7] for r in rows} == done and len(rows) == len(done) == 1000
    assert end[:2] == [OK, 0] and end[2] == int(rows[-1][0])
    assert end[4] - before[4] == 5 * len(rows) and end[3] - before[3] == len(rows)
    assert gateway.statement(today() - 1) == ([], [OK, 1, 0, 0, 0, 0, 0])
    op.fault(fault="request_lost", count=20)  # libcurl repeats a GET on another connection
    assert gateway.statement(today())[1][0] == IO
    op.must("DELETE", "/admin/faults")
    op.fault(fault="error", count=1)
    assert gateway.statement(today())[1][0] == IO
    gateway.quit()


class Impostor:
    """A server with the operator's own certificate that answers what it is told to."""

    def __init__(self, op, port, answer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(op.home + "/tls/server.pem", op.home + "/tls/server.key")
        self.answer = answer
        self.listener = context.wrap_socket(
            socket.create_server(("127.0.0.1", port)), server_side=True)
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def take_request(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536) or b"\r\n\r\n"
        head, body = data.split(b"\r\n\r\n", 1)
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                self.take_request(connection)
                for piece in self.answer():
                    connection.sendall(piece)
                connection.close()
            except OSError:
                if self.listener.fileno() < 0:
                    return


def http(body, status="200 OK"):
    return ("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body))).encode() + body


@test
def a_reply_of_any_size_or_form_is_bounded_and_harmless(op):
    endless = [b"HTTP/1.1 200 OK\r\n\r\n"] + [b"x" * 16384] * 1000
    order = (b'{"key":"%s-101","kind":"debit","state":"%s","wallet":"a","amount_fen":300,'
             b'"captured_fen":%s,"ref":"%s"}')
    mine = GATEWAY.encode()
    cases = (
        (endless, "no_answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"] + [b" " * 16384] * 20, "no_answer"),
        ([b"\x00\xff" * 50], "no_answer"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100000], "no_answer"),
        ([http(b"[" * 60000)], "no_answer"),
        ([http(b"")], "no_answer"),
        ([http(b"<html>proxy</html>", "403 Forbidden")], "no_answer"),
        ([http(b"<html>proxy</html>", "404 Not Found")], "no_answer"),
        ([http(b"<html>proxy</html>", "422 No")], "no_answer"),
        ([http(b'{"code":"wallet_unknown"}', "503 No")], "no_answer"),
        ([http(b'{"code":"slow_down"}', "429 No")], "no_answer"),
        ([b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"],
         "no_answer"),
        ([http(order % (mine, b"done", b"299", b"r"))], "no_answer"),
        ([http(order % (b"gw-x", b"done", b"300", b"r"))], "no_answer"),
        ([http(order % (mine, b"done", b"300.0", b"r"))], "no_answer"),
        ([http(order % (mine, b"done", b"300", b"r" * 33))], "no_answer"),
        ([http(order % (mine, b"reserved", b"0", b"r"))], "no_answer"),
        ([http(order % (mine, b"done", b"300", b"r"))[:-1]], "no_answer"),
        ([http(order % (mine, b"done", b"300", b"r"))], "done"),
    )
    pieces = [[]]
    impostor = Impostor(op, PORT + 2, lambda: pieces[0])
    gateway = Gateway(op, port=PORT + 2, timeout_ms=4000, concurrency=1)
    for answer, expected in cases:
        pieces[0] = answer
        event = gateway.order("send", 101)[0]
        assert event == expected, (event, expected, answer[0][:80], gateway.problem())
    row = (b'{"seq":%d,"key":"k","kind":"debit","wallet":"w","mandate":"m","amount_fen":5,"time_us":1,'
           b'"ref":"r","parts":[{"payee":"p","amount_fen":%d}]}\n')
    end = (b'{"end":true,"closed":true,"rows":%d,"last_seq":%d,"debit_count":%d,"debit_fen":%d,'
           b'"refund_count":0,"refund_fen":0}\n')
    statements = (
        ([http(row % (1, 5) + row % (2, 5) + end % (2, 2, 2, 10))], OK),
        ([http(row % (1, 5) + row % (2, 5) + end % (2, 2, 2, 11))], CORRUPT),
        ([http(row % (1, 5) + end % (2, 1, 1, 5))], CORRUPT),
        ([http(row % (1, 4) + end % (1, 1, 1, 5))], CORRUPT),
        ([http(row % (2, 5) + row % (1, 5) + end % (2, 1, 2, 10))], CORRUPT),
        ([http(row % (1, 5))], IO),
        ([http(row % (1, 5) + end % (1, 1, 1, 5) + row % (2, 5))], CORRUPT),
        ([b"HTTP/1.1 200 OK\r\n\r\n"] + [b"x" * 16384] * 100, CORRUPT),
        ([http(b"{}\n")], CORRUPT),
    )
    for answer, expected in statements:
        pieces[0] = answer
        assert gateway.statement(today())[1][0] == expected, (expected, answer[0][-300:])
    assert gateway.order("ask", 101)[0] == "no_answer"
    gateway.quit()
    impostor.listener.close()


@test
def a_configuration_that_cannot_work_is_refused_with_the_reason(op):
    def refused(word, **how):
        try:
            Gateway(op, **how).quit()
        except RuntimeError as failure:
            assert word in str(failure), failure
            return
        raise AssertionError(how)
    refused("https://HOST:PORT", url="http://127.0.0.1:1")
    refused("https://HOST:PORT", url="https://127.0.0.1:1/path")
    refused("https://HOST:PORT", url="https://user@127.0.0.1:1")
    refused("gateway id", gateway="gw_1")
    refused("time-out", timeout_ms=0)
    refused("connections", concurrency=0)
    refused("no such file", folder=op.dir)
    folder = os.path.join(op.dir, "readable")
    shutil.copytree(op.gateway_folder, folder)
    os.chmod(folder + "/operator-sign.key", 0o640)
    refused("chmod 600", folder=folder)
    os.chmod(folder + "/operator-sign.key", 0o600)
    shutil.copy(folder + "/operator-client.key", folder + "/operator-sign.key")
    refused("Ed25519", folder=folder)


@test
def many_orders_at_once_are_each_answered_once(op):
    op.must("POST", "/admin/wallets", [{"id": "w%d" % i, "class": "I", "type": "personal",
                                        "balance_fen": 100000} for i in range(50)])
    op.must("POST", "/admin/mandates", [{"id": "m%d" % i, "wallet": "w%d" % i, "gateway": GATEWAY}
                                        for i in range(50)])
    op.must("POST", "/admin/wallets/w0/topup", {"amount_fen": 100000})  # an earlier test emptied it
    gateway = Gateway(op, concurrency=16)
    op.fault(fault="reply_lost", per_million=50000, seed=1)
    op.fault(fault="request_lost", per_million=50000, seed=2)
    op.fault(fault="error_after", per_million=50000, seed=3)
    op.fault(fault="duplicate", per_million=50000, seed=4)
    count = 1500
    gateway.tell("load 5000 %d 9 50" % count)
    results = {}
    for _ in range(count):
        words = gateway.next().split()
        assert words[1] not in results
        results[words[1]] = words[2]
    op.must("DELETE", "/admin/faults")
    unsure = [int(n) for n, event in results.items() if event == "no_answer"]
    assert 100 < len(unsure) < 400 and set(results.values()) == {"done", "no_answer"}
    for number in unsure:  # rule 4: ask, and send only what the operator never saw
        wallet = (number - 5000) % 50
        gateway.tell("ask %d debit 9 w%d m%d" % (number, wallet, wallet))
        event = gateway.next().split()[2]
        if event == "unknown":
            gateway.tell("send %d debit 9 w%d m%d" % (number, wallet, wallet))
            event = gateway.next().split()[2]
        assert event == "done"
    page = op.must("GET", "/admin/orders?limit=1")  # any order: the list works while it is large
    assert len(page["rows"]) == 1
    rows, end = gateway.statement(today())
    mine = [r[1] for r in rows if int(r[1].rsplit("-", 1)[1]) >= 5000]
    assert len(mine) == len(set(mine)) == count and end[0] == OK
    op.check()
    gateway.quit()


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    op = Operator(PORT)
    op.start()
    failed = 0
    wanted = [t for t in TESTS if pattern in t.__name__]
    for one in wanted:
        try:
            one(op)
            print("ok   " + one.__name__, flush=True)
        except Exception as failure:
            failed += 1
            print("FAIL %s: %s: %s" % (one.__name__, type(failure).__name__, failure), flush=True)
            if "-v" in sys.argv:
                raise
            op.admin("DELETE", "/admin/faults")
    op.check()
    failed += op.stop() != 0
    print("operator_adapter: %d passed, %d failed" % (len(wanted) - failed, failed))
    return 1 if failed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
