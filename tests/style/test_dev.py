# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that build: `test_dev.py ROOT`. What ./dev says when it is used wrongly, how it counts
tests, and what the private list of package sources is made of. Nothing is built or installed."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1) if len(sys.argv) > 1 else os.getcwd()


def run(*command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


class Dev(unittest.TestCase):
    def test_help_names_every_command(self):
        status, out, _ = run(ROOT + "/dev", "help")
        self.assertEqual(status, 0)
        for command in ("run", "test", "bench", "fuzz", "build", "setup"):
            self.assertRegex(out, rf"(?m)^  {command}\b")

    def test_without_a_command_it_helps(self):
        self.assertEqual(run(ROOT + "/dev")[0], 0)

    def test_an_unknown_command_is_refused(self):
        status, _, err = run(ROOT + "/dev", "tset")
        self.assertEqual(status, 1)
        self.assertIn("unknown command: tset", err)

    def test_fuzz_wants_a_number_of_seconds(self):
        for bad in ("", "0", "-1", "ten", "1.5"):
            with self.subTest(bad=bad):
                status, _, err = run(ROOT + "/dev", "fuzz", bad)
                self.assertEqual(status, 1)
                self.assertIn("usage: ./dev fuzz SECONDS", err)

    def test_it_works_from_any_folder(self):
        done = subprocess.run([ROOT + "/dev", "help"], cwd="/", capture_output=True, check=False)
        self.assertEqual(done.returncode, 0)


class Counting(unittest.TestCase):
    """The last line of ./dev test, from what ctest prints."""

    def counted(self, lines, status=0):
        folder = tempfile.mkdtemp(prefix="meterpay-dev-")
        self.addCleanup(shutil.rmtree, folder)
        fake = os.path.join(folder, "ctest")
        with open(fake, "w", encoding="ascii") as file:
            file.write("#!/bin/bash\ncat <<'END'\n" + lines + "\nEND\nexit " + str(status) + "\n")
        os.chmod(fake, 0o755)
        code = f"source {ROOT}/dev help >/dev/null; test_log={folder}/log; run_tests"
        got, out, err = run("bash", "-c", code, PATH=folder + ":" + os.environ["PATH"])
        return got, (out.strip().split("\n") or [""])[-1], err

    def test_all_passed(self):
        got, last, err = self.counted(
            "1/2 Test #1: unit/a ......   Passed    0.01 sec\n"
            "2/2 Test #2: unit/b ......   Passed   10.01 sec\n\n100% tests passed")
        self.assertEqual((got, last), (0, "2 passed, 0 failed"), err)

    def test_every_way_to_fail_is_counted(self):
        got, last, err = self.counted(
            " 1/6 Test #10: unit/a ......   Passed    0.01 sec\n"
            " 2/6 Test #11: unit/b ......***Failed    0.01 sec\n"
            " 3/6 Test #12: unit/c ......***Timeout   9.01 sec\n"
            " 4/6 Test #13: unit/d ......***Not Run   0.00 sec\n"
            " 5/6 Test #14: unit/e ......Subprocess aborted***Exception:   0.09 sec\n"
            " 6/6 Test #15: unit/f ......***Skipped   0.00 sec\n", 8)
        self.assertEqual((got, last), (8, "1 passed, 4 failed, 1 skipped"), err)

    def test_a_ctest_that_ran_nothing_is_a_failure(self):
        got, last, err = self.counted("No tests were found!!!", 8)
        self.assertEqual((got, last), (8, "0 passed, 1 failed"), err)
        got, last, err = self.counted("Nothing to do.", 0)
        self.assertEqual((got, last), (1, "0 passed, 1 failed"), err)


class PrivateSources(unittest.TestCase):
    """deb lines become deb-src lines in a folder of ours; the system's stay as they are."""

    def convert(self, files):
        folder = tempfile.mkdtemp(prefix="meterpay-apt-")
        self.addCleanup(shutil.rmtree, folder)
        for name, text in files.items():
            path = os.path.join(folder, "apt", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        os.makedirs(folder + "/apt", exist_ok=True)
        status, _, err = run(ROOT + "/cmake/wolfssl-build.sh", "--private-sources", folder + "/out",
                             METERPAY_APT_ETC=folder + "/apt", METERPAY_CACHE=folder + "/cache")
        for name, text in files.items():
            with open(os.path.join(folder, "apt", name), encoding="ascii") as file:
                self.assertEqual(file.read(), text)
        result = ""
        for name in sorted(os.listdir(folder + "/out") if status == 0 else []):
            with open(os.path.join(folder, "out", name), encoding="ascii") as file:
                result += file.read()
        return status, result, err

    def test_one_line_style(self):
        status, out, err = self.convert({"sources.list":
            "# deb http://old.example/debian bookworm main\n"
            "deb [arch=amd64 signed-by=/k] http://a.example/debian bookworm main\n"
            "deb-src http://b.example/debian bookworm main\n"})
        self.assertEqual(status, 0, err)
        self.assertEqual(sorted(out.splitlines()), [
            "deb-src [arch=amd64 signed-by=/k] http://a.example/debian bookworm main",
            "deb-src http://b.example/debian bookworm main"])

    def test_deb822_style(self):
        status, out, err = self.convert({"sources.list.d/debian.sources":
            "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\n"})
        self.assertEqual(status, 0, err)
        self.assertEqual(out, "Types: deb-src\nURIs: http://a.example/debian\nSuites: bookworm\n"
                              "Components: main\n")

    def test_no_sources_is_an_error(self):
        status, _, err = self.convert({})
        self.assertEqual(status, 1)
        self.assertIn("no apt sources", err)


if __name__ == "__main__":
    unittest.main()
