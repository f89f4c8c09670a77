# SPDX-License-Identifier: GPL-3.0-or-later
"""meterpay-operator as a process, spoken to by a second implementation of docs/operator-api.md.

    operator_api.py [PATTERN]     runs every test, or those whose names contain PATTERN

OPERATOR_KILLS in the environment sets how often the last test kills the operator (default 5).
"""
import datetime
import os
import random
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time

from operator_client import GATEWAY, Client, Operator, in_threads, order

PORT = 18210
HOUR_US = 3600 * 1000000
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def expect(answer, status, code=None, state=None):
    assert answer.status == status, "%d %s" % (answer.status, answer.text)
    if code is not None:
        assert answer.json["code"] == code, answer.text
    if state is not None:
        assert answer.json["state"] == state, answer.text
    return answer


def broken(work):
    """The connection breaks, and there is no answer."""
    try:
        answer = work()
    except (OSError, EOFError, ValueError) as failure:
        return failure
    except Exception as failure:  # http.client's own, for a connection closed without a reply
        assert type(failure).__module__ == "http.client", failure
        return failure
    raise AssertionError("answered: %d %s" % (answer.status, answer.text))


def add(op, wallet, balance_fen=1000000, wallet_class="I", kind="personal", **mandate):
    """A wallet and a mandate of the same name on it."""
    op.must("POST", "/admin/wallets", {"id": wallet, "class": wallet_class, "type": kind,
                                       "balance_fen": balance_fen})
    op.must("POST", "/admin/mandates", dict({"id": wallet, "wallet": wallet, "gateway": GATEWAY},
                                            **mandate))


def local_day(us):
    moment = datetime.datetime.fromtimestamp(us / 1e6, datetime.timezone.utc)
    return (moment + datetime.timedelta(hours=8)).strftime("%Y-%m-%d")


@test
def an_order_is_done_and_its_repetition_gets_the_same_answer(op):
    add(op, "a")
    client = op.client()
    first = expect(client.debit("a-1", 300, "a", "a"), 200, state="done")
    again = expect(client.debit("a-1", 300, "a", "a"), 200)
    assert first.text == again.text and again.headers["Idempotent-Replay"] == "true"
    assert first.headers["Idempotent-Replay"] is None
    assert op.wallet("a")["balance_fen"] == 1000000 - 300


@test
def a_key_reused_with_another_body_is_a_conflict_and_takes_nothing(op):
    add(op, "b")
    client = op.client()
    expect(client.debit("b-1", 300, "b", "b"), 200)
    expect(client.debit("b-1", 301, "b", "b"), 409, "request_invalid")
    expect(client.refund("b-1", 300, "b", "b"), 409, "request_invalid")
    assert op.wallet("b")["balance_fen"] == 1000000 - 300
    assert client.ask("b-1").json["amount_fen"] == 300


@test
def a_refused_key_stays_refused_when_money_has_come(op):
    add(op, "c", balance_fen=100)
    client = op.client()
    first = expect(client.debit("c-1", 300, "c", "c"), 422, "insufficient_funds", "refused")
    op.must("POST", "/admin/wallets/c/topup", {"amount_fen": 1000})
    again = expect(client.debit("c-1", 300, "c", "c"), 422, "insufficient_funds")
    assert first.text == again.text
    expect(client.ask("c-1"), 200, "insufficient_funds", "refused")
    expect(client.debit("c-2", 300, "c", "c"), 200)


@test
def nobody_without_a_certificate_of_the_ca_gets_in(op):
    broken(lambda: op.client(certificate=False).ask("x"))
    stranger = os.path.join(op.dir, "stranger")
    shutil.copytree(op.gateway_folder, stranger)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                    "/CN=" + GATEWAY, "-keyout", stranger + "/operator-client.key", "-out",
                    stranger + "/operator-client.pem"], check=True, stderr=subprocess.DEVNULL)
    broken(lambda: Client(stranger, op.port).ask("x"))


@test
def the_servers_certificate_is_no_client_certificate(op):
    folder = os.path.join(op.dir, "server-as-client")
    shutil.copytree(op.gateway_folder, folder)
    shutil.copy(op.home + "/tls/server.pem", folder + "/operator-client.pem")
    shutil.copy(op.home + "/tls/server.key", folder + "/operator-client.key")
    broken(lambda: Client(folder, op.port).ask("x"))


@test
def a_gateway_cannot_speak_for_another(op):
    folder = os.path.join(op.dir, "gw-other")
    op.make_certs(folder, "gw-other")
    # Its own certificate, but the first gateway's name, even with the first one's signing key.
    expect(Client(folder, op.port).ask("x"), 403, "certificate_mismatch")
    shutil.copy(op.gateway_folder + "/operator-sign.key", folder + "/operator-sign.key")
    expect(Client(folder, op.port).ask("x"), 403, "certificate_mismatch")
    # And under its own name it finds no order of the other.
    add(op, "d")
    expect(op.client().debit("d-1", 100, "d", "d"), 200)
    other = os.path.join(op.dir, "gw-third")
    op.make_certs(other, "gw-third")
    third = Client(other, op.port, gateway="gw-third")
    expect(third.ask("d-1"), 404, "key_unknown")
    expect(third.debit("d-1", 100, "d", "d"), 422, "mandate_invalid")


@test
def a_signature_that_does_not_fit_is_refused(op):
    add(op, "e")
    client = op.client()
    for change in ({"Meterpay_Signature": "0" * 128}, {"Meterpay_Signature": ""},
                   {"Meterpay_Signature": "zz"}, {"Idempotency_Key": "e-2"},
                   {"Meterpay_Time": "1"}):
        expect(client.debit("e-1", 100, "e", "e", **change), 401)
    good = client.debit("e-3", 100, "e", "e").headers
    assert good is not None
    expect(client.ask("e-1"), 404, "key_unknown")
    assert op.wallet("e")["balance_fen"] == 1000000 - 100


@test
def a_body_changed_on_the_way_is_refused(op):
    add(op, "f")
    client = op.client()
    signed = client.signer.sign
    client.signer.sign = lambda text: signed(text.replace(text.split(b"\n")[6], b"0" * 64))
    expect(client.debit("f-1", 100, "f", "f"), 401, "signature_invalid")


@test
def a_date_out_of_the_window_is_refused_and_one_within_is_not(op):
    add(op, "g")
    client = op.client()
    now = client.now_us()
    expect(client.debit("g-1", 100, "g", "g", time_us=now - 301000000), 401, "time_invalid")
    expect(client.debit("g-1", 100, "g", "g", time_us=now + 301000000), 401, "time_invalid")
    expect(client.debit("g-1", 100, "g", "g", time_us=now - 290000000), 200)


@test
def a_body_that_is_not_to_the_letter_is_refused(op):
    add(op, "h")
    client = op.client()
    good = order(90, "h", "h", None, capture=True)
    for change in ({"amount_fen": "90"}, {"amount_fen": 90.0}, {"amount_fen": 0},
                   {"amount_fen": -90}, {"amount_fen": 10 ** 20}, {"amount_fen": 91},
                   {"parts": []}, {"parts": [{"payee": "grid", "amount_fen": 45}] * 2},
                   {"parts": [{"payee": "p%d" % i, "amount_fen": 10} for i in range(9)]},
                   {"parts": [{"payee": "x" * 17, "amount_fen": 90}]}, {"capture": 1},
                   {"tip": 1}, {"wallet": ""}, {"wallet": "a/b"}, {"mandate": None}):
        expect(client.post("/v1/reservations", dict(good, **change), "h-1"), 400, "request_invalid")
    for body in (b"", b"{", b"[]", b"null", b'{"wallet":"h","wallet":"h"}', b"\xff" * 10,
                 b"[" * 30000):
        expect(client.send("POST", "/v1/reservations", body, "h-1"), 400, "request_invalid")
    expect(client.post("/v1/reservations", good, ""), 400, "request_invalid")
    expect(client.post("/v1/reservations", good, "k" * 41), 400, "request_invalid")
    expect(client.ask("h-1"), 404, "key_unknown")
    expect(client.post("/v1/reservations", good, "h-1"), 200)


@test
def a_request_that_is_too_long_or_goes_nowhere_is_refused(op):
    client = op.client()
    expect(client.send("POST", "/v1/reservations", b" " * 65537, "i-1"), 413, "too_large")
    client.close()
    expect(client.send("POST", "/v1/nothing", b"{}", "i-1"), 404, "not_found")
    expect(client.send("GET", "/v1/orders/"), 404, "not_found")
    expect(client.send("GET", "/"), 404, "not_found")
    expect(client.send("DELETE", "/v1/orders/x"), 405, "method_not_allowed")
    expect(client.send("GET", "/v1/statements/2026-02-30"), 400, "request_invalid")


@test
def class_limits_hold_for_one_payment_and_a_day(op):
    # Class IV (DOMAIN: 10,000 balance, 2,000 single, 5,000 a day).
    add(op, "j", balance_fen=1000000, wallet_class="IV")
    client = op.client()
    expect(client.debit("j-1", 200001, "j", "j"), 422, "limit_exceeded")
    expect(client.debit("j-2", 200000, "j", "j"), 200)
    expect(client.debit("j-3", 200000, "j", "j"), 200)
    expect(client.debit("j-4", 100001, "j", "j"), 422, "limit_exceeded")
    expect(client.debit("j-5", 100000, "j", "j"), 200)
    expect(client.debit("j-6", 1, "j", "j"), 422, "limit_exceeded")
    answer = op.admin("POST", "/admin/wallets/j/topup", {"amount_fen": 500001})
    expect(answer, 422, "limit_exceeded")
    expect(op.admin("POST", "/admin/wallets/j/topup", {"amount_fen": 500000}), 200)


@test
def mandate_caps_hold_and_a_revoked_mandate_takes_nothing_more(op):
    add(op, "k", single_fen=100, day_fen=250, month_fen=400)
    client = op.client()
    expect(client.debit("k-1", 101, "k", "k"), 422, "mandate_invalid")
    expect(client.debit("k-2", 100, "k", "k"), 200)
    expect(client.debit("k-3", 100, "k", "k"), 200)
    expect(client.debit("k-4", 51, "k", "k"), 422, "mandate_invalid")
    expect(client.debit("k-5", 50, "k", "k"), 200)
    op.must("POST", "/admin/mandates/k/revoke")
    expect(client.debit("k-6", 1, "k", "k"), 422, "mandate_invalid")
    expect(client.refund("k-7", 250, "k", "k"), 200, state="done")


@test
def a_mandate_holds_only_in_its_time(op):
    add(op, "l1", valid_from="2100-01-01")
    add(op, "l2", valid_to="2020-01-01")
    client = op.client()
    expect(client.debit("l-1", 1, "l1", "l1"), 422, "mandate_invalid")
    expect(client.debit("l-2", 1, "l2", "l2"), 422, "mandate_invalid")
    expect(client.debit("l-3", 1, "l1", "l2"), 422, "mandate_invalid")
    expect(client.debit("l-4", 1, "l1", "none"), 422, "mandate_invalid")
    expect(client.debit("l-5", 1, "none", "l1"), 422, "wallet_unknown")


@test
def frozen_and_closed_wallets_pay_nothing(op):
    add(op, "m", balance_fen=100)
    client = op.client()
    op.must("POST", "/admin/wallets/m/status", {"status": "frozen"})
    expect(client.debit("m-1", 1, "m", "m"), 422, "wallet_frozen")
    op.must("POST", "/admin/wallets/m/status", {"status": "active"})
    expect(op.admin("POST", "/admin/wallets/m/status", {"status": "closed"}), 409, "state_invalid")
    expect(client.debit("m-2", 100, "m", "m"), 200)
    op.must("POST", "/admin/wallets/m/status", {"status": "closed"})
    expect(client.debit("m-3", 1, "m", "m"), 422, "wallet_closed")
    expect(client.refund("m-4", 1, "m", "m"), 422, "wallet_closed")


@test
def a_reservation_is_captured_in_part_and_the_rest_comes_back(op):
    add(op, "n", balance_fen=1000, day_fen=1000)
    client = op.client()
    expect(client.debit("n-1", 900, "n", "n", capture=False), 200, state="reserved")
    assert (op.wallet("n")["balance_fen"], op.wallet("n")["held_fen"]) == (100, 900)
    expect(client.debit("n-2", 200, "n", "n"), 422)
    capture = "/v1/reservations/n-1/capture"
    expect(client.post(capture, {"amount_fen": 901}, "n-3"), 422, "request_invalid")
    expect(client.post(capture, {"amount_fen": 600}, "n-4"), 422, "request_invalid")
    parts = [{"payee": "grid", "amount_fen": 600}]
    done = expect(client.post(capture, {"amount_fen": 600, "parts": parts}, "n-5"), 200, state="done")
    assert done.json["captured_fen"] == 600
    assert expect(client.post(capture, {"amount_fen": 600, "parts": parts}, "n-5"), 200).text == done.text
    expect(client.post(capture, {"amount_fen": 1, "parts": parts}, "n-6"), 409, "state_invalid")
    assert (op.wallet("n")["balance_fen"], op.wallet("n")["held_fen"]) == (400, 0)
    assert op.wallet("n")["day"]["spent_fen"] == 600
    expect(client.debit("n-7", 400, "n", "n"), 200)


@test
def a_voided_reservation_gives_everything_back(op):
    add(op, "o", balance_fen=1000, wallet_class="IV")
    client = op.client()
    expect(client.debit("o-1", 1000, "o", "o", capture=False), 200, state="reserved")
    expect(client.post("/v1/reservations/o-1/void", {}, "o-2"), 200, state="voided")
    expect(client.post("/v1/reservations/o-1/void", {}, "o-3"), 409, "state_invalid")
    expect(client.post("/v1/reservations/nobody/void", {}, "o-4"), 404, "key_unknown")
    expect(client.ask("o-1"), 200, state="voided")
    wallet = op.wallet("o")
    assert (wallet["balance_fen"], wallet["held_fen"], wallet["day"]["spent_fen"]) == (1000, 0, 0)


@test
def refunds_never_exceed_what_was_taken(op):
    add(op, "p", balance_fen=1000)
    client = op.client()
    expect(client.refund("p-1", 1, "p", "p"), 422, "refund_exceeds_captured")
    expect(client.debit("p-2", 300, "p", "p"), 200)
    expect(client.refund("p-3", 200, "p", "p"), 200, state="done")
    expect(client.refund("p-4", 101, "p", "p"), 422, "refund_exceeds_captured")
    expect(client.refund("p-5", 100, "p", "p", parts=[("nobody", 100)]), 422, "insufficient_funds")
    expect(client.refund("p-6", 100, "p", "p"), 200)
    expect(client.refund("p-7", 1, "p", "p"), 422, "refund_exceeds_captured")
    assert op.wallet("p")["balance_fen"] == 1000


@test
def a_lost_reply_is_found_by_asking_and_was_done_once(op):
    add(op, "q", balance_fen=1000)
    client = op.client()
    op.fault(fault="reply_lost", count=1, on="post")
    broken(lambda: client.debit("q-1", 100, "q", "q"))
    expect(client.ask("q-1"), 200, state="done")
    assert op.wallet("q")["balance_fen"] == 900


@test
def a_lost_request_is_unknown_and_may_be_sent(op):
    add(op, "r", balance_fen=1000)
    client = op.client()
    op.fault(fault="request_lost", count=1)
    broken(lambda: client.debit("r-1", 100, "r", "r"))
    expect(client.ask("r-1"), 404, "key_unknown")
    expect(client.debit("r-1", 100, "r", "r"), 200)
    assert op.wallet("r")["balance_fen"] == 900


@test
def faults_strike_as_often_as_they_were_asked_to(op):
    add(op, "s", balance_fen=100000)
    client = op.client()
    op.fault(fault="error", count=2, on="post")
    expect(client.debit("s-1", 100, "s", "s"), 500, "internal")
    expect(client.ask("s-1"), 404)
    expect(client.debit("s-1", 100, "s", "s"), 500)
    expect(client.debit("s-1", 100, "s", "s"), 200)
    op.fault(fault="error_after", count=1)
    expect(client.debit("s-2", 100, "s", "s"), 500)
    expect(client.ask("s-2"), 200, state="done")
    op.fault(fault="garbled", count=1)
    assert client.debit("s-3", 100, "s", "s").json is None
    op.fault(fault="slow", ms=400, count=1)
    began = time.monotonic()
    expect(client.debit("s-4", 100, "s", "s"), 200)
    assert time.monotonic() - began >= 0.4
    op.must("DELETE", "/admin/faults")
    op.fault(fault="error", per_million=300000, seed=5)
    first = [client.ask("none").status for _ in range(60)]
    op.must("DELETE", "/admin/faults")
    op.fault(fault="error", per_million=300000, seed=5)
    assert first == [client.ask("none").status for _ in range(60)] and 5 < first.count(500) < 35
    op.must("DELETE", "/admin/faults")
    assert op.wallet("s")["balance_fen"] == 100000 - 400


@test
def a_request_done_twice_inside_takes_the_money_once(op):
    add(op, "t", balance_fen=1000)
    client = op.client()
    op.fault(fault="duplicate", count=1)
    answer = expect(client.debit("t-1", 100, "t", "t"), 200, state="done")
    assert answer.headers["Idempotent-Replay"] == "true"
    assert op.wallet("t")["balance_fen"] == 900


@test
def the_same_key_from_many_connections_at_once_is_done_once(op):
    add(op, "u", balance_fen=10000)
    clients = [op.client() for _ in range(12)]
    answers = in_threads(12, lambda i: clients[i].debit("u-1", 100, "u", "u"))
    assert {a.text for a in answers} == {answers[0].text} and answers[0].status == 200
    assert [a.headers["Idempotent-Replay"] for a in answers].count(None) == 1
    assert op.wallet("u")["balance_fen"] == 9900


@test
def down_means_nobody_listens_and_then_all_is_as_before(op):
    add(op, "v", balance_fen=1000)
    client = op.client()
    expect(client.debit("v-1", 100, "v", "v"), 200)
    op.fault(fault="down", seconds=1)
    began = time.monotonic()
    while True:  # the connection that was open breaks, a new one is refused
        try:
            client.ask("v-1")
        except ConnectionRefusedError:
            break
        except Exception:
            client.close()
        assert time.monotonic() - began < 5
    while time.monotonic() - began < 10:
        try:
            expect(client.ask("v-1"), 200, state="done")
            break
        except OSError:
            client.close()
            time.sleep(0.05)
    expect(client.debit("v-2", 100, "v", "v"), 200)


@test
def the_statement_is_the_days_movements_and_adds_up(op):
    folder = os.path.join(op.dir, "gw-statement")
    op.make_certs(folder, "gw-statement")
    client = Client(folder, op.port, gateway="gw-statement")
    op.must("POST", "/admin/wallets", {"id": "x", "class": "I", "type": "corporate",
                                       "balance_fen": 10000000})
    op.must("POST", "/admin/mandates", {"id": "x", "wallet": "x", "gateway": "gw-statement"})
    for i in range(700):  # more than one block of the stream
        expect(client.debit("x-%d" % i, 100 + i, "x", "x"), 200)
    expect(client.refund("x-r", 50, "x", "x"), 200)
    expect(client.debit("x-no", 99999999, "x", "x"), 422)
    expect(client.debit("x-held", 10, "x", "x", capture=False), 200)
    day = local_day(client.now_us())
    rows = client.statement(day)
    end = rows.pop()
    debits = [r for r in rows if r["kind"] == "debit"]
    assert [r["key"] for r in rows] == ["x-%d" % i for i in range(700)] + ["x-r"]
    assert end["end"] is True and end["rows"] == 701 and end["closed"] is False
    assert (end["debit_count"], end["debit_fen"]) == (700, sum(r["amount_fen"] for r in debits))
    assert (end["refund_count"], end["refund_fen"]) == (1, 50)
    assert all(sum(p["amount_fen"] for p in r["parts"]) == r["amount_fen"] for r in rows)
    tail = client.statement(day, after=rows[698]["seq"])
    assert [r.get("key") for r in tail] == ["x-699", "x-r", None]
    assert tail[-1]["debit_fen"] == end["debit_fen"] and tail[-1]["rows"] == 2
    assert client.statement("2020-01-01") == [
        {"end": True, "day": "2020-01-01", "closed": True, "rows": 0, "last_seq": 0,
         "debit_count": 0, "debit_fen": 0, "refund_count": 0, "refund_fen": 0}]
    database = sqlite3.connect("file:%s/operator.db?mode=ro" % op.home, uri=True)
    total = database.execute("SELECT count(*), sum(captured_fen) FROM orders WHERE state = 0 "
                             "AND kind = 0 AND gateway = 'gw-statement'").fetchone()
    database.close()
    assert total == (end["debit_count"], end["debit_fen"])


@test
def staff_can_list_and_repeat_and_strangers_cannot_come_in(op):
    wallets = [{"id": "y%03d" % i, "class": "III", "type": "personal", "balance_fen": i}
               for i in range(30)]
    op.must("POST", "/admin/wallets", wallets)
    assert op.must("POST", "/admin/wallets", wallets) == {"count": 30}
    assert op.wallet("y029")["balance_fen"] == 29
    page = op.must("GET", "/admin/wallets?after=y009&limit=10")
    assert [w["id"] for w in page["rows"]] == ["y%03d" % i for i in range(10, 20)]
    assert page["next"] == "y019"
    wrong = [{"id": "z1", "class": "I", "type": "personal"}, {"id": "z2", "class": "V"}]
    expect(op.admin("POST", "/admin/wallets", wrong), 400, "request_invalid")
    expect(op.admin("GET", "/admin/wallets/z1"), 404)
    expect(op.admin("POST", "/admin/wallets", {"id": "y000", "class": "I", "type": "personal"}), 409)
    for _ in range(2):
        op.must("POST", "/admin/wallets/y000/topup", {"amount_fen": 5}, {"Idempotency-Key": "t1"})
    assert op.wallet("y000")["balance_fen"] == 5
    expect(op.admin("POST", "/admin/wallets/y000/topup", {"amount_fen": 6},
                    {"Idempotency-Key": "t1"}), 409)
    expect(op.admin("POST", "/admin/faults", {"fault": "rain"}), 400)
    expect(op.admin("PUT", "/admin/wallets", {}), 405)
    expect(op.admin("GET", "/admin/nothing"), 404)
    assert os.stat(op.home + "/admin.sock").st_mode & 0o777 == 0o600
    for folder, _, names in os.walk(op.dir):
        for name in names:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0, name


@test
def a_slow_handshake_or_a_plain_request_stops_nobody(op):
    import socket
    idle = [socket.create_connection(("127.0.0.1", op.port)) for _ in range(20)]
    idle[0].sendall(b"GET /v1/orders/x HTTP/1.1\r\nHost: x\r\n\r\n")
    idle[1].sendall(os.urandom(2000))
    expect(op.client().ask("none"), 404, "key_unknown")
    for connection in idle:
        connection.close()


@test
def the_books_hold_after_all_of_this_and_after_a_restart(op):
    check = op.check()
    assert len(check["invariants"]) == 11
    assert op.stop() == 0
    op.start()
    op.check()
    expect(op.client().ask("a-1"), 200, state="done")


def write_clock(path, sim_us, speed):
    real_us = time.time_ns() // 1000
    with open(path, "w") as file:
        file.write("meterpay-clock 1\norigin_real_us %d\norigin_sim_us %d\nspeed %d\n" %
                   (real_us, sim_us, speed))
    return lambda: sim_us + (time.time_ns() // 1000 - real_us) * speed


@test
def limits_follow_the_simulated_day_and_a_closed_day_says_so(_):
    op = Operator(PORT + 1)
    op.clock = os.path.join(op.dir, "clock")
    # 2026-12-31 23:00 in UTC+8; then the operator is started again just after midnight.
    midnight = int(datetime.datetime(2026, 12, 31, 16, tzinfo=datetime.timezone.utc).timestamp())
    now = write_clock(op.clock, (midnight - 3600) * 1000000, 1)
    op.start()
    try:
        add(op, "a", balance_fen=1000000, wallet_class="IV")
        client = op.client()
        client.now_us = now
        expect(client.debit("1", 200000, "a", "a"), 200)
        expect(client.debit("2", 200000, "a", "a"), 200)
        expect(client.debit("3", 100000, "a", "a"), 200)
        expect(client.debit("4", 1, "a", "a"), 422, "limit_exceeded")
        op.stop()
        client.close()
        client.now_us = write_clock(op.clock, (midnight + 1) * 1000000, 1)
        op.start()
        expect(client.debit("5", 200000, "a", "a"), 200)
        wallet = op.wallet("a")
        assert wallet["day"]["spent_fen"] == wallet["year"]["spent_fen"] == 200000
        assert wallet["year"]["period"] == 2027
        end = client.statement("2026-12-31")[-1]
        assert end["closed"] and (end["debit_count"], end["debit_fen"]) == (3, 500000)
        assert not client.statement("2027-01-01")[-1]["closed"]
        op.check()
    finally:
        op.stop()


@test
def a_clock_that_was_set_back_leads_to_no_earlier_entries(_):
    op = Operator(PORT + 1)
    op.clock = os.path.join(op.dir, "clock")
    now = write_clock(op.clock, 1800000000 * 1000000, 1)
    op.start()
    add(op, "a")
    client = op.client()
    client.now_us = now
    first = expect(client.debit("1", 100, "a", "a"), 200).json
    op.stop()
    client.close()
    client.now_us = write_clock(op.clock, 1700000000 * 1000000, 1)
    op.start()
    try:
        second = expect(client.debit("2", 100, "a", "a"), 200).json
        assert second["created_us"] == first["created_us"]
    finally:
        op.stop()


@test
def two_operators_do_not_share_a_folder_or_a_port(op):
    program = [op.program, "--dir", op.home, "--port", "0"]
    second = subprocess.run(program, stderr=subprocess.PIPE, text=True, timeout=20)
    assert second.returncode == 1 and "another meterpay-operator" in second.stderr
    other = Operator(op.port)
    third = subprocess.run([op.program, "--dir", other.home, "--port", str(op.port)],
                           stderr=subprocess.PIPE, text=True, timeout=20)
    assert third.returncode == 1 and "--port chooses another" in third.stderr, third.stderr
    expect(op.client().ask("none"), 404)


@test
def wrong_options_and_files_are_explained(op):
    def run(*arguments):
        done = subprocess.run([op.program, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=20)
        return done.returncode, done.stdout + done.stderr
    folder = os.path.join(op.dir, "empty")
    assert run()[0] == 2 and "--dir" in run()[1]
    assert run("--nonsense")[0] == 2
    assert run("--dir", folder, "more")[0] == 2
    code, text = run("--help")
    assert code == 0 and "--admin-socket" in text and "--clock" in text
    code, text = run("--dir", folder, "--port", "0")
    assert code == 1 and "make_certs.sh" in text, text
    code, text = run("--dir", folder, "--clock", __file__)
    assert code == 1 and "clock file" in text, text
    classes = os.path.join(op.dir, "classes.yaml")
    with open(classes, "w") as file:
        file.write("version: 1\nclasses:\n  - {type: personal, class: VII, from: 2020-01-01}\n")
    code, text = run("--dir", folder, "--classes", classes)
    assert code == 1 and "classes.yaml:3: class must be I" in text, text


class Load:
    """Gateways that send orders for ever, ask about what is unsure, and remember what was told."""

    def __init__(self, op, workers):
        self.op = op
        self.stop = False
        self.acknowledged = [{} for _ in range(workers)]
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(workers)]

    def work(self, index):
        client = self.op.client(timeout=5)
        number = 0
        while not self.stop:
            number += 1
            self.settle(client, index, "w%d-%d" % (index, number))
        client.close()

    def settle(self, client, index, key):
        """Rule 4: send once; when nobody knows, ask until it is known; send again only the unknown."""
        action = client.debit
        while True:
            try:
                if action == client.debit:
                    answer = client.debit(key, 7, "w%d" % index, "w%d" % index)
                else:
                    answer = client.ask(key)
            except Exception:  # any trouble of the connection: nobody knows
                time.sleep(0.02)
                action = client.ask
                continue
            if answer.status == 200:
                assert answer.json["state"] == "done", answer.text
                self.acknowledged[index][key] = answer.json["ref"]
                return
            assert answer.status == 404, answer.text
            action = client.debit


@test
def killed_at_any_moment_it_loses_no_answer_and_takes_nothing_twice(_):
    kills = int(os.environ.get("OPERATOR_KILLS", "5"))
    seed = int(os.environ.get("OPERATOR_SEED", str(int(time.time()))))
    print("    seed %d, %d kills" % (seed, kills), flush=True)
    moments = random.Random(seed)
    op = Operator(PORT + 2)
    op.start()
    workers = 6
    for i in range(workers):
        add(op, "w%d" % i, balance_fen=10000000)
    load = Load(op, workers)
    for thread in load.threads:
        thread.start()
    try:
        for _ in range(kills):
            time.sleep(0.1 + moments.random() * 0.4)
            op.stop(signal.SIGKILL)
            op.start()
        time.sleep(0.2)
    finally:
        load.stop = True
        for thread in load.threads:
            thread.join()
    op.check()
    told = {key: ref for some in load.acknowledged for key, ref in some.items()}
    database = sqlite3.connect("file:%s/operator.db?mode=ro" % op.home, uri=True)
    moved = database.execute("SELECT key, ref FROM movement").fetchall()
    database.close()
    assert len(told) > 20 * kills, len(told)
    assert len(moved) == len(dict(moved)) and dict(moved) == told
    spent = sum(10000000 - op.wallet("w%d" % i)["balance_fen"] for i in range(workers))
    assert spent == 7 * len(told)
    op.stop()


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
    code = op.stop()
    if code != 0:
        failed += 1
        print("FAIL the operator ended with %d" % code)
    print("operator_api: %d passed, %d failed" % (len(wanted) - failed, failed))
    return 1 if failed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
