# SPDX-License-Identifier: GPL-3.0-or-later
"""A real disk without room, under load: intake stops with an alarm, nothing acknowledged is lost, the
API still answers, and everything goes on by itself when there is room. Needs to mount a small tmpfs;
where that is not allowed the test is skipped.

usage: disk_full.py [--port N] [--homes N] [--seed S]
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import street_rig  # noqa: E402
from street_rig import expect, wait_for  # noqa: E402

SPEED = 3600
DISK_BYTES = 24 * 1024 * 1024
ROOM_BYTES = 256 * 1024


class Disk:
    """A tmpfs at a folder, and a file on it that takes the room away."""

    def __init__(self, folder):
        self.folder = folder
        self.ballast = os.path.join(folder, "ballast")

    def mount(self):
        os.makedirs(self.folder, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=700" % DISK_BYTES,
                               "proof", self.folder], capture_output=True, text=True, check=False)
        return done.returncode == 0 or done.stderr.strip()

    def unmount(self):
        subprocess.run(["umount", "-l", self.folder], check=False)

    def free_bytes(self):
        at = os.statvfs(self.folder)
        return at.f_bavail * at.f_frsize

    def fill(self, leave):
        with open(self.ballast, "ab") as file:
            while self.free_bytes() > leave:
                file.write(b"\0" * min(65536, self.free_bytes() - leave))
                file.flush()

    def empty(self):
        os.remove(self.ballast)


def alarms(status):
    return {alarm["alarm"] for alarm in status["alarms"]}


def fills_up(rig, disk):
    """The disk gets full under load; returns the status with the alarm."""
    disk.fill(ROOM_BYTES)

    def stopped():
        status = rig.status()
        return status["state"] == "disk_full" and status
    status = wait_for("the stop of intake", stopped, 60)
    expect("intake_stopped" in alarms(status), "the alarms are %s", status["alarms"])
    expect(any("intake_stopped" == row["alarm"] and row["advice"]
               for row in rig.cli("alarms", "--json")["alarms"]), "meterpay alarms does not tell")
    time.sleep(2)
    later = rig.status()
    expect(later["readings"] == status["readings"], "readings are taken by a full disk")
    return later


def goes_on(rig, disk, before):
    disk.empty()

    def running():
        status = rig.status()
        return status["state"] == "running" and "intake_stopped" not in alarms(status) and (
            status["readings"] > before["readings"])
    wait_for("the return of intake", running, 30)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18670)
    parser.add_argument("--homes", type=int, default=20)
    parser.add_argument("--via", default="both")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    settle = {"settle.order_min": "0.50", "settle.order_after": "1h", "operator.timeout": "1s"}
    rig = street_rig.Rig(options.port, start="2026-05-10", speed=SPEED, config=settle)
    disk = Disk(rig.gateway_folder)
    with rig:
        mounted = disk.mount()
        if mounted is not True:
            print("skipped: a tmpfs cannot be mounted here: %s" % mounted)
            sys.exit(street_rig.SKIPPED)
        try:
            run(rig, disk, options)
        finally:
            disk.unmount()
    print("nothing was lost")


def run(rig, disk, options):
    rig.prepare(options.seed, options.homes, options.via)
    rig.start_fleet("--loss", 0.5, "--drain", 5)
    wait_for("the first orders", lambda: rig.status()["orders"]["done"] > 5, 60)
    stopped = fills_up(rig, disk)
    print("full: %d readings kept, %d commits failed" % (stopped["readings"],
                                                         stopped["store"]["commits_failed"]))
    goes_on(rig, disk, stopped)
    # A second time, and now the gateway is killed and started on the full disk.
    stopped = fills_up(rig, disk)
    rig.programs["gateway"].end(signal.SIGKILL)
    rig.start_gateway()
    wait_for("a gateway on a full disk", lambda: rig.status()["state"] == "disk_full", 20)
    goes_on(rig, disk, stopped)
    rig.end_fleet()
    rig.wait_settled(60)
    rig.check_books()
    rig.check_truth()
    rig.stop_all()


if __name__ == "__main__":
    main()
