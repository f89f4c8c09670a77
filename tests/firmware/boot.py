# SPDX-License-Identifier: GPL-3.0-or-later
"""A meter on an emulated board: it boots, counts, and loses nothing that it said was saved.

usage: boot.py BOARD [--kills N] [--seed S]
"""
import argparse
import os
import random
import shutil
import sys
import tempfile
import time

from board import BOARDS, EMULATOR, Board, image

SETUP = {"clock": "host", "interval": 1, "spread": 0, "retry": 5}
CONFIGURATION_STATUS = 64


def expect(good, text, *values):
    if not good:
        raise AssertionError(text % values if values else text)


def it_boots_and_counts(board, folder):
    with Board(board, folder, **SETUP) as meter:
        first = meter.started()
        expect(first["boots"] == 1 and first["total"] == 0, "a new meter says %s", first)
        expect(meter.ask("pulse 5", "counted")["total"] == 5, "five pulses are not five")
        expect(meter.ask("pulse 12345678901", "counted")["total"] == 12345678906, "64 bits are cut")
        expect(meter.ask("total 12345679000", "counted")["total"] == 12345679000, "a total is lost")
        for wrong in ("pulse", "pulse -1", "pulse x", "pulse 1234567890123456789", "total 7", "?", "",
                      "x" * 500):
            meter.say(wrong)
            meter.wait("refused")
        meter.say("exit")
        status = meter.wait("end ")
        expect(meter.exit_status() == 0, "the exit status is not 0")
    return status


def a_wrong_configuration_is_told(board, folder):
    for change, said in (({"name": "Q-1"}, "name=Q-1"), ({"gateway": "10.0.2.2"}, "gateway="),
                         ({"gateway": "10.0.2.256:5"}, "gateway="), ({"interval": "1s"}, "interval="),
                         ({"key": "/nowhere"}, "key="), ({"name": None}, "name= is missing"),
                         ({"colour": "red"}, "colour=red")):
        meter = Board(board, folder, **{**SETUP, **change}) if "key" not in change else \
            Board(board, folder, **SETUP)
        if "key" in change:
            meter.command = [word.replace("arg=key=", "arg=key=/nowhere") for word in meter.command]
        with meter:
            line = meter.wait("stopped: ")
            expect(said in line, "%s is answered with %s", change, line)
            expect(meter.exit_status() == CONFIGURATION_STATUS, "the exit status is another")


def what_was_saved_survives_a_kill(board, folder, kills, random_of):
    total, boots, seq = 0, 0, 0
    for _ in range(kills):
        with Board(board, folder, **SETUP) as meter:
            now = meter.started()
            expect(now["total"] == total, "%d was saved, %d came back", total, now["total"])
            expect(now["boots"] == boots + 1, "boot %d came after %d", now["boots"], boots)
            expect(now["next_seq"] >= seq, "record %d came after %d", now["next_seq"], seq)
            boots, seq = now["boots"], now["next_seq"]
            for _ in range(random_of.randrange(1, 4)):
                total += random_of.randrange(1, 1000)
                meter.ask(f"total {total}", "counted")
                time.sleep(random_of.choice((0, 0, 0.4)))
                meter.say("power fails")
                meter.wait("saved")
            meter.kill()
    return boots


def a_lossy_cache_never_invents(board, folder, kills, random_of):
    """Without waiting for the file, the last writes may be gone, and nothing else."""
    total, saved = 0, [0]
    for _ in range(kills):
        with Board(board, folder, durable=False, **SETUP) as meter:
            now = meter.started()
            expect(now["total"] in saved, "%d came back, which was never saved", now["total"])
            total = now["total"]
            for _ in range(6):
                total += random_of.randrange(1, 1000)
                meter.ask(f"total {total}", "counted")
                meter.say("power fails")
                meter.wait("saved")
                saved.append(total)
            meter.kill()


def records_are_kept_while_nobody_listens(board, folder):
    with Board(board, folder, **SETUP) as meter:
        before = meter.started()["next_seq"]
        meter.ask("pulse 3", "counted")
        time.sleep(3.2)
        meter.kill()
    with Board(board, folder, **SETUP) as meter:
        after = meter.started()
        expect(after["next_seq"] >= before + 2, "records %d to %d in three seconds", before,
               after["next_seq"])
        expect(after["total"] == 3, "the register says %d", after["total"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("board", choices=BOARDS)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("METERPAY_TEST_SEED", random.SystemRandom().randrange(2 ** 32))))
    options = parser.parse_args()
    print("seed %d" % options.seed, flush=True)
    if not os.path.exists(image(options.board)) or shutil.which(EMULATOR) is None:
        print("skipped: no image or no emulator; ./dev setup installs what they need")
        sys.exit(77)
    random_of = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="meterpay-board-") as folder:
        status = it_boots_and_counts(options.board, folder + "/counts")
        print(status)
        a_wrong_configuration_is_told(options.board, folder + "/wrong")
        boots = what_was_saved_survives_a_kill(options.board, folder + "/kill", options.kills, random_of)
        if options.board == "emcraft-sf2":
            a_lossy_cache_never_invents(options.board, folder + "/lossy", options.kills, random_of)
        records_are_kept_while_nobody_listens(options.board, folder + "/alone")
    print(f"{options.board}: boots, counts, and was killed {boots} times")


if __name__ == "__main__":
    main()
