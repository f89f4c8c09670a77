# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole street in a folder of its own: a real Mosquitto, operator, gateway and fleet, started, stopped,
killed and asked by the tests of street, bad input and faults.

Waiting is for something, with a deadline; what did not come is told with the last lines of every log.
Only processes that were started here are ever ended, by their own handles.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests/oracle"))

import bill  # noqa: E402
import exports  # noqa: E402
import pack as packs  # noqa: E402

import street_meter  # noqa: E402
import street_truth  # noqa: E402

BIN = os.environ.get("BIN_DIR", os.path.join(ROOT, "build/bin"))
GATEWAY_ID = "proof1"
SITE = "proof"
SKIPPED = 77
DRAIN_SPEED = 100  # A quarter-hour in nine seconds.
TARIFFS = ("zhanjiang-power", "zhanjiang-water", "zhanjiang-gas")


class Failure(Exception):
    """A test's expectation that did not hold."""


def expect(condition, text, *arguments):
    if not condition:
        raise Failure(text % arguments if arguments else text)


def wait_for(what, condition, seconds, every=0.05):
    """Ask until it is true; its value. Raises Failure at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("%s did not happen within %d s" % (what, seconds))
        time.sleep(every)


def free_ports(first):
    """The first of five ports that nobody uses, from `first` on. Not the system's choice: what it hands
    out it hands out again, to a client, while a program that was killed is being started."""
    for base in range(first, first + 50, 5):
        try:
            for port in range(base, base + 5):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        probe.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    raise Failure("no free ports from %d on" % first)


class Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path, method, target, body=None, headers=None, timeout=30):
    """(status, JSON or text). OSError when nobody answers."""
    connection = Unix(path, timeout)
    try:
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            connection.request(method, target, data, headers or {})
        except BrokenPipeError:
            pass  # Refused before the body was read: the answer is there.
        reply = connection.getresponse()
        text = reply.read().decode()
        try:
            return reply.status, json.loads(text)
        except ValueError:
            return reply.status, text
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


class Program:
    """One process; its output goes to a log of its own."""

    def __init__(self, rig, name, command, ready=None, preexec=None, env=None):
        self.name = name
        self.log = os.path.join(rig.folder, name + ".log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE if ready else log,
                                            stderr=log, stdin=subprocess.DEVNULL,
                                            preexec_fn=preexec, env=env)
        if ready:
            line = self.process.stdout.readline().decode()
            if ready not in line:
                self.process.wait(10)
                raise Failure("%s did not start (%r):\n%s" % (name, line, self.tail()))

    def running(self):
        return self.process.poll() is None

    def end(self, how=signal.SIGTERM, seconds=30):
        """Its exit status; -N for signal N. SIGKILL follows when it does not obey."""
        if self.running():
            self.process.send_signal(how)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("%s did not stop within %d s of signal %d" % (
                self.name, seconds, how)) from None
        finally:
            if self.process.stdout:
                self.process.stdout.close()
        return code

    def tail(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])


class Rig:
    """The folder, its configuration and its programs. Use as a context: everything is ended and, when
    the test was passed, removed."""

    def __init__(self, port, start="2026-04-29", speed=1, config=None, gateway_folder=None):
        self.folder = tempfile.mkdtemp(prefix="meterpay-proof-")
        self.gateway_folder = gateway_folder or os.path.join(self.folder, "gateway")
        self.operator_folder = os.path.join(self.folder, "operator")
        self.broker_folder = os.path.join(self.gateway_folder, "broker")
        self.clock = os.path.join(self.folder, "clock")
        port = free_ports(port)
        self.port = {"meters": port, "coap": port + 1, "coap_plain": port + 2,
                     "operator": port + 3, "broker": port + 4}
        self.start_day = packs.day_number(start)
        self.speed = speed
        self.settings = {
            "gateway.id": GATEWAY_ID, "gateway.site": SITE, "gateway.clock_file": self.clock,
            "mqtt.meters_port": self.port["meters"], "mqtt.port": self.port["broker"],
            "mqtt.socket": os.path.join(self.broker_folder, "broker.sock"),
            "coap.address": "127.0.0.1", "coap.port": self.port["coap"],
            "coap.plain_port": self.port["coap_plain"],
            "operator.url": "https://127.0.0.1:%d" % self.port["operator"],
            "operator.timeout": "2s",
            "store.free_min": "0KiB",
            "limits.meters": 1000, "limits.households": 400, "limits.bindings": 1000,
            "limits.orders_open": 1000,
        }
        self.settings.update(config or {})
        self.programs = {}
        self.truths = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for program in self.programs.values():
            if program.running():
                program.process.kill()
                program.process.wait()
        passed = kind is None or (kind is SystemExit and error.code in (0, None, SKIPPED))
        if passed and "METERPAY_KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for program in self.programs.values():
            print("---- %s (exit %s)\n%s" % (program.name, program.process.returncode,
                                            program.tail()), file=sys.stderr)
        print("the folder is kept: %s" % self.folder, file=sys.stderr, flush=True)

    # ---- setting up --------------------------------------------------------------------------------

    def set_clock(self, sim_us, speed):
        """Simulated time from now on; for programs that start after this."""
        with open(self.clock, "w", encoding="utf-8") as file:
            file.write("meterpay-clock 1\norigin_real_us %d\norigin_sim_us %d\nspeed %d\n" % (
                time.time_ns() // 1000, sim_us, speed))
        self.origin = (time.time_ns() // 1000, sim_us, speed)

    def now_us(self):
        real, sim, speed = self.origin
        return sim + (time.time_ns() // 1000 - real) * speed

    def init(self):
        """Folders, keys, configuration, the broker's files."""
        self.set_clock(packs.day_start_us(self.start_day), self.speed)
        settings = [word for name, value in self.settings.items()
                    for word in ("--set", "%s=%s" % (name, value))]
        self.cli("init", self.gateway_folder, "--operator", self.operator_folder, *settings,
                 needs_dir=False)
        # Packs that the gateway's owner may edit: what is loaded is what the oracle reads.
        self.tariff_folder = os.path.join(self.gateway_folder, "tariffs")

    # ---- programs ----------------------------------------------------------------------------------

    def start_broker(self):
        self.programs["broker"] = Program(
            self, "broker", ["mosquitto", "-c", os.path.join(self.broker_folder, "mosquitto.conf")])

        def up():
            expect(self.programs["broker"].running(), "mosquitto ended:\n%s",
                   self.programs["broker"].tail())
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port["meters"])) == 0
        wait_for("the broker's port", up, 20)

    def start_operator(self):
        self.programs["operator"] = Program(
            self, "operator", [os.path.join(BIN, "meterpay-operator"), "--dir",
                               self.operator_folder, "--port", str(self.port["operator"]),
                               "--clock", self.clock], ready="ready")

    def start_gateway(self, preexec=None, env=None):
        self.programs["gateway"] = Program(
            self, "gateway", [os.path.join(BIN, "meterpayd"), "--dir", self.gateway_folder],
            ready="ready", preexec=preexec, env=env)

    def start_fleet(self, *options):
        """The street's meters, as prepare() registered them. What they take is kept as the truth."""
        self.truths.append(os.path.join(self.folder, "truth-%d.jsonl" % len(self.truths)))
        command = [os.path.join(BIN, "meterpay-fleet"), "run", "--dir", self.gateway_folder,
                   "--no-register", "--json", "--quiet", "--state",
                   os.path.join(self.folder, "fleet"), "--truth", self.truths[-1]]
        self.programs["fleet"] = Program(
            self, "fleet", command + [str(o) for o in self.fleet + list(options)])

    def fleet_summary(self):
        """What the fleet said at its end."""
        with open(self.programs["fleet"].log, encoding="utf-8") as log:
            lines = [line for line in log if line.startswith("{")]
        expect(lines, "the fleet printed no summary:\n%s", self.programs["fleet"].tail())
        return json.loads(lines[-1])

    def start_all(self):
        self.start_operator()
        self.start_broker()
        self.start_gateway()

    def set_speed(self, speed):
        """Gateway and operator go on from this moment at another speed."""
        for name in ("gateway", "operator"):
            code = self.programs[name].end()
            expect(code == 0, "%s ended with %d when it was asked to stop", name, code)
        self.set_clock(self.now_us(), speed)
        self.start_operator()
        self.start_gateway()

    def end_fleet(self):
        """Stop the street, then let every meter be rid of what it still has: without faults, and so slow
        that a quarter-hour has time for all reports. Returns the fleet's two summaries."""
        fast = self.origin[2]
        if self.programs["fleet"].running():
            code = self.programs["fleet"].end(signal.SIGTERM, 60)
            expect(code == 0, "the fleet ended with %d", code)
        first = self.fleet_summary()
        self.set_speed(DRAIN_SPEED)
        self.start_fleet("--hours", "0.27", "--drain", 60, "--loss", 0, "--duplicates", 0,
                         "--reorder", 0, "--reboots", 0)
        code = self.programs["fleet"].process.wait(120)
        expect(code == 0, "the fleet ended with %d", code)
        last = self.fleet_summary()
        expect(last["waiting"] == 0, "%d records have no receipt: %s", last["waiting"], last)
        self.set_speed(fast)
        return first, last

    def stop_all(self):
        """Everything that still runs, politely and in order; a bad end is a Failure."""
        for name in ("fleet", "gateway", "broker", "operator"):
            if name in self.programs and self.programs[name].running():
                code = self.programs[name].end()
                expect(code == 0, "%s ended with %d when it was asked to stop", name, code)

    # ---- asking ------------------------------------------------------------------------------------

    def cli(self, *words, needs_dir=True, check=True):
        """meterpay WORDS, its standard output; with --json among them, parsed."""
        command = [os.path.join(BIN, "meterpay")] + [str(w) for w in words]
        if needs_dir:
            command += ["--dir", self.gateway_folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        expect(done.returncode == 0 or not check, "%s: exit %d: %s", " ".join(command),
               done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def api(self, method, target, body=None, good=(200, 201)):
        status, reply = ask(os.path.join(self.gateway_folder, "api.sock"), method, target, body)
        expect(status in good, "%s %s: %s %s", method, target, status, reply)
        return reply

    def status(self):
        return self.api("GET", "/v1/status")

    def admin(self, method, target, body=None):
        status, reply = ask(os.path.join(self.operator_folder, "admin.sock"), method, target, body)
        expect(status == 200, "operator %s %s: %s %s", method, target, status, reply)
        return reply

    def admin_rows(self, target):
        """All rows of a paged list."""
        rows, after = [], None
        while True:
            page = self.admin("GET", "%s?limit=1000%s" % (
                target, "" if after is None else "&after=%s" % after))
            rows += page["rows"]
            after = page["next"]
            if after is None:
                return rows

    # ---- people ------------------------------------------------------------------------------------

    def load_tariffs(self, *names):
        for name in names:
            self.cli("tariff", "load", os.path.join(self.tariff_folder, name + ".yaml"))

    def provision(self, *options):
        """Register the fleet's meters as `meterpay-fleet provision` lists them. Their rows."""
        path = os.path.join(self.folder, "meters.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            subprocess.run([os.path.join(BIN, "meterpay-fleet"), "provision"] +
                           [str(o) for o in options], stdout=file, check=True, timeout=60)
        self.cli("meter", "add", "--from", path)
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.wait_for_key(rows[-1]["meter"], bytes.fromhex(rows[-1]["key"]))
        return rows

    def wait_for_key(self, name, root):
        """Until the broker knows a new meter."""
        psk = street_meter.derive(root, "transport", name)

        def connects():
            try:
                street_meter.Mqtt.as_meter(self.port["meters"], name, psk).close()
                return True
            except street_meter.Refused:
                return False
        wait_for("the broker's knowledge of " + name, connects, 20, every=0.3)

    def give_wallets(self, households, balance_fen=5000000):
        """A wallet and a mandate at the operator for each, bound at the gateway."""
        self.admin("POST", "/admin/wallets",
                   [{"id": "w-" + h, "class": "I", "type": "personal",
                     "balance_fen": balance_fen} for h in households])
        self.admin("POST", "/admin/mandates",
                   [{"id": "m-" + h, "wallet": "w-" + h, "gateway": GATEWAY_ID}
                    for h in households])
        for household in households:
            self.api("POST", "/v1/households/%s/wallets" % household,
                     {"wallet": "w-" + household, "mandate": "m-" + household})

    def prepare(self, seed, homes, via):
        """Everything but the fleet: started, and a street of homes registered, each with a wallet.
        start_fleet() then needs no more than its own faults."""
        self.init()
        self.start_all()
        self.load_tariffs(*TARIFFS)
        self.fleet = ["--seed", seed, "--homes", homes, "--via", via]
        self.give_wallets(sorted({m["household"] for m in self.provision(*self.fleet)}))

    # ---- what must hold at the end -------------------------------------------------------------------

    def wait_settled(self, seconds):
        """Until no order is open and every whole fen that was charged is settled."""
        def settled():
            if self.status()["orders"]["open"] > 0:
                return False
            households = self.api("GET", "/v1/households?limit=1000")["households"]
            return all(h["charged_ufen"] // 10 ** 6 == h["settled_fen"] for h in households)
        wait_for("the settlement of every fen", settled, seconds, every=0.2)

    def check_books(self, settled=True):
        """Ledger check, the oracle over all exports, the operator's own book and the two compared.
        Returns the oracle's Books."""
        report = self.cli("ledger", "check", "--json")
        expect(report["holds"] and report["broken"] == 0, "ledger check: %s", report)
        folder = os.path.join(self.folder, "exports")
        os.makedirs(folder, exist_ok=True)
        exports.fetch(os.path.join(BIN, "meterpay"), folder, self.gateway_folder)
        ledger, problems = bill.check(folder, self.tariff_folder, GATEWAY_ID, settled)
        bill.report(ledger, problems)
        expect(not problems, "the oracle found %d differences", len(problems))
        self.exported = exports.read_rows(folder, "readings")
        own = self.admin("GET", "/admin/check")
        expect(own["ok"], "the operator's own books: %s", own)
        rows = [row for row in self.admin_rows("/admin/orders") if row["state"] == "done"]
        problems = bill.books.compare_operator(ledger.orders, rows)
        for problem in problems[:20]:
            print("books: " + problem)
        expect(not problems, "gateway and operator differ in %d orders", len(problems))
        return ledger


    def check_truth(self):
        """The exported readings against what the meters took. Returns the Truth."""
        truth = street_truth.Truth(self.truths)
        problems = truth.compare(self.exported, self.cli("meter", "list", "--json")["meters"])
        for problem in problems[:20]:
            print("truth: " + problem)
        expect(not problems, "the gateway differs from the truth %d times", len(problems))
        return truth


def run_tests(tests):
    """Run [(name, function)], tell each, and exit."""
    failed = 0
    for name, test in tests:
        started = time.monotonic()
        try:
            outcome = test() or "passed"
        except Failure as error:
            outcome = "FAILED: %s" % error
            failed += 1
        print("%s: %s (%.1f s)" % (name, outcome, time.monotonic() - started), flush=True)
    print("%d passed, %d failed" % (len(tests) - failed, failed))
    sys.exit(1 if failed else 0)
