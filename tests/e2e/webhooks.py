# SPDX-License-Identifier: GPL-3.0-or-later
"""Platforms that push over HTTP: each shipped hook on the bill, over TLS, proven as its platform does it;
and everything that must not get there.

usage: webhooks.py [--port N]     BIN_DIR names the folder of the programs.

Signatures are made by Python's hashlib and hmac. Amounts are by hand: Zhejiang's first block is 0.538 yuan
a kWh, Beijing's water 5.00 yuan a m3; each device says one register and then one that is 100 kWh or 20 m3
higher: 53.80 and 100.00 yuan.
"""
import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import street_rig
from street_rig import expect, wait_for

KWH, M3 = 5380, 10000  # fen


def frame(number, total):
    """DL/T 645-2007, clause 7: the answer to 00 01 00 00 of meter `number`; total in 0.01 kWh."""
    body = bytes([0x68]) + bytes.fromhex(number)[::-1] + bytes([0x68, 0x91, 8])
    data = bytes([0x00, 0x00, 0x01, 0x00]) + bytes.fromhex("%08d" % total)[::-1]
    body += bytes((b + 0x33) & 0xFF for b in data)
    return body + bytes([sum(body) & 0xFF, 0x16])


def basic_time(now_us):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_us // 10 ** 6))


def ctwing(total, now_us):
    data = base64.b64encode(frame("000000000001", total)).decode()
    return {"upPacketSN": -1, "upDataSN": -1, "topic": "v1/up/ad", "timestamp": now_us // 1000,
            "tenantId": "10463333", "serviceId": "", "protocol": "lwm2m", "productId": "10093333",
            "payload": {"APPdata": data}, "messageType": "dataReport", "deviceType": "",
            "deviceId": "8fe0aa86", "assocAssetId": "", "IMSI": "undefined", "IMEI": "860000000000001"}


def oceanconnect(total, now_us):
    return {"notifyType": "deviceDataChanged", "deviceId": "de41d5c2", "gatewayId": "de41d5c2",
            "requestId": None, "service": {"serviceId": "Meter", "serviceType": "Meter",
                                           "data": {"payload": frame("000000000002", total).hex()},
                                           "eventTime": basic_time(now_us)}}


def iotda(value, now_us):
    return {"resource": "device.property", "event": "report", "event_time": basic_time(now_us),
            "notify_data": {"header": {"device_id": "6b1f_water1", "node_id": "water1"},
                            "body": {"services": [{"service_id": "Water", "event_time": basic_time(now_us),
                                                   "properties": {"total": value, "battery": 3.6}}]}}}


def onenet(value, now_us):
    return {"type": 1, "dev_id": 2016617, "imei": "860000000000004", "ds_id": "3424_0_1",
            "at": now_us // 1000, "value": value}


def md5_signature(secret, nonce, msg):
    return base64.b64encode(hashlib.md5((secret + nonce + msg).encode()).digest()).decode()


# hook, scheme, device, its meter, further words of `source add`, body of a register, registers, fen
HOOKS = [
    ("ctwing", "token", "8fe0aa86", "pCTW-000000000001", [], ctwing, (12345678, 12355678), KWH),
    ("oceanconnect", "token", "de41d5c2", "pOCC-000000000002", [], oceanconnect, (100, 10100), KWH),
    ("iotda", "hmac-sha256", "6b1f_water1", "wIOT-00000003",
     ["--channel", "total", "--unit", "m3"], iotda, ("46.3", "66.3"), M3),
    ("onenet", "onenet", "860000000000004", "wONE-00000004",
     ["--channel", "3424_0_1", "--unit", "m3"], onenet, ("7.125", "27.125"), M3),
]
HEADER = "X-Signature"


class Tester:
    def __init__(self, rig, port):
        self.rig, self.port, self.broken = rig, port, False
        self.tls = ssl.create_default_context(cafile=os.path.join(rig.folder, "hook.pem"))

    def step(self, test):
        """Each step needs what the one before it left."""
        expect(not self.broken, "left out: the step before failed")
        self.broken = True
        test()
        self.broken = False

    def secret(self, hook):
        with open(os.path.join(self.rig.folder, hook + ".secret"), encoding="ascii") as file:
            return file.read().strip()

    def send(self, method, target, body=None, headers=None):
        link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.tls)
        try:
            link.request(method, target, body, headers or {})
            reply = link.getresponse()
            return reply.status, reply.read().decode(), dict(reply.getheaders())
        finally:
            link.close()

    def wrap(self, hook, scheme, body, secret=None):
        """What the platform sends: (text, headers, query)."""
        secret = secret or self.secret(hook)
        if scheme == "onenet":
            msg = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
            nonce = "abcdefgh"
            return ('{"msg":%s,"msg_signature":"%s","nonce":"%s"}' % (
                msg, md5_signature(secret, nonce, msg), nonce), {}, "")
        text = json.dumps(body, ensure_ascii=False)
        if scheme == "hmac-sha256":
            made = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
            return text, {HEADER: made}, ""
        if hook == "oceanconnect":  # a platform that cannot send headers
            return text, {}, "?token=" + secret
        return text, {"Authorization": "Bearer " + secret}, ""

    def push(self, hook, scheme, body, secret=None):
        text, headers, query = self.wrap(hook, scheme, body, secret)
        return self.send("POST", "/hook/%s%s" % (hook, query), text.encode(), headers)

    def pushed(self, hook, scheme, body):
        status, reply, _ = self.push(hook, scheme, body)
        expect(status == 200, "%s: %d: %s", hook, status, reply)

    def charged(self, meter):
        return self.rig.api("GET", "/v1/meters/" + meter)["charged_ufen"]

    def readings(self, meter):
        return self.rig.api("GET", "/v1/meters/%s/readings" % meter)["readings"]

    def webhook(self):
        return self.rig.status()["webhook"]

    # ---- setting up ----------------------------------------------------------------------------------

    def hooks_are_made(self):
        self.rig.start_operator()
        self.rig.start_broker()
        self.rig.start_gateway()
        self.rig.load_tariffs("beijing-water", "zhejiang-power")
        self.rig.cli("household", "add", "home")
        for hook, scheme, device, meter, words, _, _, _ in HOOKS:
            self.rig.cli("meter", "add", meter, "--household", "home", "--tariff",
                         "beijing-water" if meter[0] == "w" else "zhejiang-power", "--new-key",
                         os.path.join(self.rig.folder, meter + ".key"), "--accept", "carrier",
                         "--max-per-hour", "1000000")
            self.rig.cli("source", "add", hook, device, meter, *words)
            header = ["--header", HEADER] if scheme == "hmac-sha256" else []
            said = self.rig.cli("hook", "add", hook, scheme, "--new-secret",
                                os.path.join(self.rig.folder, hook + ".secret"), *header)
            expect("/hook/" + hook in said and self.secret(hook) not in said, "%s", said)
        listed = self.rig.cli("hook", "list")
        expect(all(h[0] in listed and self.secret(h[0]) not in listed for h in HOOKS), "%s", listed)
        path = os.path.join(self.rig.gateway_folder, "hooks.csv")
        expect(os.stat(path).st_mode & 0o777 == 0o600, "hooks.csv can be read by others")

    def wrong_hooks_are_refused(self):
        new = os.path.join(self.rig.folder, "never")
        for words, text in (
                (("nowhere", "token"), "No mapping is for a hook called nowhere"),
                (("ctwing", "token"), "a hook of that name already"),
                (("ctwing", "rot13"), "token, hmac-sha256 or onenet"),
                (("iotda", "hmac-sha256"), "name of the header"),
                (("ctwing", "token", "--header", "X"), "name of the header")):
            done = subprocess.run([os.path.join(street_rig.BIN, "meterpay"), "hook", "add", *words,
                                   "--new-secret", new, "--dir", self.rig.gateway_folder],
                                  capture_output=True, text=True, timeout=20, check=False)
            expect(done.returncode == 1 and text in done.stderr, "%s: %d: %s", words,
                   done.returncode, done.stderr)
            expect(not os.path.exists(new), "a secret is left")

    # ---- the bill ------------------------------------------------------------------------------------

    def each_platform_is_on_the_bill(self):
        for which in (0, 1):
            second = self.rig.now_us() // 10 ** 6  # most say whole seconds, and a second has one register
            wait_for("another second", lambda: self.rig.now_us() // 10 ** 6 > second, 5)
            for hook, scheme, _, meter, _, body, registers, _ in HOOKS:
                self.pushed(hook, scheme, body(registers[which], self.rig.now_us()))
                # The answer comes after the commit: what it was for is there, without waiting.
                expect(len(self.readings(meter)) == which + 1, "%s: %s", hook, self.readings(meter))
        for hook, _, _, meter, _, _, _, fen in HOOKS:
            expect(self.charged(meter) == fen * 10 ** 6, "%s: %d ufen, not %d fen", hook,
                   self.charged(meter), fen)
        self.rig.check_books(settled=False)

    def what_comes_again_costs_nothing(self):
        now = self.rig.now_us()
        more = [(h[0], h[1], h[5](h[6][1], now)) for h in HOOKS]
        before = {h[3]: self.charged(h[3]) for h in HOOKS}
        for _ in range(3):
            for hook, scheme, body in more:
                self.pushed(hook, scheme, body)
        expect({m: self.charged(m) for m in before} == before, "something was charged twice")
        expect(self.rig.api("GET", "/v1/ledger/check")["holds"], "the books")

    def onenet_checks_its_url(self):
        secret = self.secret("onenet")
        words = {"msg": "Ab3+/=", "nonce": "aB+/x9kz",
                 "signature": md5_signature(secret, "aB+/x9kz", "Ab3+/=")}
        status, reply, _ = self.send("GET", "/hook/onenet?" + urllib.parse.urlencode(words))
        expect((status, reply) == (200, "Ab3+/="), "%d: %s", status, reply)
        words["msg"] = "Ab3+/x"
        status, reply, _ = self.send("GET", "/hook/onenet?" + urllib.parse.urlencode(words))
        expect(status == 401 and "Ab3" not in reply, "%d: %s", status, reply)
        status, reply, headers = self.send("GET", "/hook/ctwing")
        expect(status == 405 and headers["Allow"] == "POST", "%d: %s", status, reply)

    def onenet_may_send_several_and_as_a_text(self):
        """msg as a list, and as a text that holds the JSON: signed as what it holds."""
        before = self.charged("wONE-00000004")
        now = self.rig.now_us()
        msg = json.dumps([onenet("28.125", now + 1000), onenet("29.125", now + 2000)])
        secret = self.secret("onenet")
        body = json.dumps({"nonce": "nonce001", "msg": msg,
                           "signature": md5_signature(secret, "nonce001", msg)})
        status, reply, _ = self.send("POST", "/hook/onenet", body.encode())
        expect(status == 200, "%d: %s", status, reply)
        expect(self.charged("wONE-00000004") == before + 2 * 500 * 10 ** 6, "2 m3 more")

    # ---- what must not get there ---------------------------------------------------------------------

    def nothing_unproven_gets_in(self):
        before = {h[3]: self.charged(h[3]) for h in HOOKS}
        refused = self.webhook()
        for hook, scheme, _, _, _, body, _, _ in HOOKS:
            high = 90000000 if hook in ("ctwing", "oceanconnect") else "9999.5"
            wrong = "0" * 32
            status, reply, headers = self.push(hook, scheme, body(high, self.rig.now_us()), wrong)
            expect(status == 401 and "WWW-Authenticate" in headers, "%s: %d: %s", hook, status, reply)
            bare = json.dumps(body(high, self.rig.now_us())).encode()
            status, reply, _ = self.send("POST", "/hook/" + hook, bare)
            expect(status == 401, "%s: %d: %s", hook, status, reply)
            # A proof of another body.
            text, headers, query = self.wrap(hook, scheme, body(high, self.rig.now_us()))
            if scheme != "token":
                text = text.replace("9999.5", "9999.6")
                status, reply, _ = self.send("POST", "/hook/%s%s" % (hook, query), text.encode(), headers)
                expect(status == 401, "%s: %d: %s", hook, status, reply)
            expect(self.secret(hook) not in reply, "%s: a secret in an answer", hook)
        status, reply, _ = self.send("POST", "/hook/onenet", json.dumps(
            {"enc_msg": "AAAA", "nonce": "n", "signature": "x"}).encode())
        expect(status == 401 and "plain messages" in reply, "%d: %s", status, reply)
        for target in ("/hook/nobody", "/hook/", "/", "/v1/status", "/hook/" + "x" * 64, "/hook/../ctwing"):
            status, reply, _ = self.send("POST", target, b"{}")
            expect(status == 404, "%s: %d: %s", target, status, reply)
        expect({m: self.charged(m) for m in before} == before, "something unproven was charged")
        counts = self.webhook()
        expect(counts["forged"] == refused["forged"] + 6 and counts["sealed"] == 1, "%s", counts)
        expect(counts["unsigned"] == refused["unsigned"] + 4 and counts["strangers"] >= 6, "%s", counts)
        said = self.rig.cli("status")
        expect("not proven" in said and "onenet" in said, "%s", said)

    def too_much_is_refused(self):
        secret = {"Authorization": "Bearer " + self.secret("ctwing")}
        for size in (17 * 1024, 1024 * 1024):
            text = b'{"pad":"%s"}' % (b"x" * size)
            try:
                status, reply, _ = self.send("POST", "/hook/ctwing", text, secret)
            except (ConnectionError, ssl.SSLError):
                status, reply = 413, "ended while it was sent"  # it need not listen to all of it
            expect(status == 413, "%d: %s", status, reply)
        status, reply, _ = self.send("POST", "/hook/ctwing", b'{"messageType":', secret)
        expect(status == 200, "what can never be read is not asked for again: %d: %s", status, reply)
        refusals = self.rig.api("GET", "/v1/source-refusals")["refusals"]
        expect(any(r["mapping"] == "ctwing" and r["verdict"] == "body" for r in refusals), "%s", refusals)

    def slow_strangers_do_not_stop_others(self):
        """One address has a quarter of the connections; another's pushes go on."""
        slow = []
        for _ in range(40):
            link = socket.create_connection(("127.0.0.2", self.port), 5, ("127.0.0.2", 0))
            link.sendall(b"\x16\x03\x01")  # a TLS record that never goes on
            slow.append(link)
        now = self.rig.now_us()
        self.pushed("iotda", "hmac-sha256", iotda("66.3", now))
        for link in slow:
            link.close()

    # ---- faults --------------------------------------------------------------------------------------

    def a_killed_gateway_is_pushed_to_again(self):
        """The platform sends until it is answered with 200; the gateway is killed again and again."""
        meter, base, count, died = "wONE-00000004", 29125, 0, 0
        before = self.charged(meter)
        stop = threading.Event()

        def kill():
            nonlocal died
            while not stop.wait(0.4):
                program = self.rig.programs["gateway"]
                program.process.send_signal(signal.SIGKILL)
                program.process.wait()
                died += 1
                self.rig.start_gateway()
        killer = threading.Thread(target=kill)
        killer.start()
        again = 0
        try:
            while died < 8:
                count += 1
                body = onenet("%d.%03d" % divmod(base + count, 1000), self.rig.now_us())
                again += self.push_until_it_is_kept(body)
        finally:
            stop.set()
            killer.join()
        print("%d pushes, %d of them sent again; the gateway was killed %d times" % (count, again, died))
        expect(again > 0, "no push was under way when it was killed")
        # Each is a litre: half a fen.
        expect(self.charged(meter) == before + count * 500000, "%d ufen more for %d litres",
               self.charged(meter) - before, count)
        self.rig.check_books(settled=False)

    def push_until_it_is_kept(self, body):
        """As OneNET does. Returns how often it had to come again."""
        deadline, tries = time.monotonic() + 60, 0
        while True:
            expect(time.monotonic() < deadline, "a push was not answered in a minute")
            try:
                status, reply, headers = self.push("onenet", "onenet", body)
            except (OSError, http.client.HTTPException):
                tries += 1
                time.sleep(0.01)  # the port is closed: as a platform waits between its tries
                continue
            expect(status == 200 or (status == 503 and "Retry-After" in headers), "%d: %s", status, reply)
            if status == 200:
                return tries
            tries += 1

    def a_removed_hook_is_gone(self):
        self.rig.cli("hook", "remove", "ctwing")
        status, reply, _ = self.push("ctwing", "token", ctwing(12365678, self.rig.now_us()))
        expect(status == 404, "%d: %s", status, reply)
        expect(self.rig.api("DELETE", "/v1/hooks/ctwing", good=(404,))["error"] == "no_such_hook", "again")
        expect(self.rig.programs["gateway"].end() == 0, "the gateway did not stop cleanly")
        path = os.path.join(self.rig.gateway_folder, "hooks.csv")
        os.chmod(path, 0o644)
        done = subprocess.run([os.path.join(street_rig.BIN, "meterpayd"), "--dir",
                               self.rig.gateway_folder], capture_output=True, text=True, timeout=30,
                              check=False)
        expect(done.returncode != 0 and "chmod 600" in done.stderr, "%d: %s", done.returncode,
               done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18750)
    port = street_rig.free_ports(parser.parse_args().port)
    config = {"webhook.enabled": "true", "webhook.address": "0.0.0.0", "webhook.port": port}
    with street_rig.Rig(port + 5, start="2026-04-20", config=config) as rig:
        certificate, key = (os.path.join(rig.folder, name) for name in ("hook.pem", "hook.key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                        "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", certificate], check=True, capture_output=True)
        os.chmod(key, 0o600)
        rig.settings.update({"webhook.certificate": certificate, "webhook.key": key})
        rig.init()
        tester = Tester(rig, port)
        street_rig.run_tests([(step.__name__, lambda step=step: tester.step(step)) for step in (
            tester.hooks_are_made, tester.wrong_hooks_are_refused,
            tester.each_platform_is_on_the_bill, tester.what_comes_again_costs_nothing,
            tester.onenet_checks_its_url, tester.onenet_may_send_several_and_as_a_text,
            tester.nothing_unproven_gets_in, tester.too_much_is_refused,
            tester.slow_strangers_do_not_stop_others, tester.a_killed_gateway_is_pushed_to_again,
            tester.a_removed_hook_is_gone)])


main()
