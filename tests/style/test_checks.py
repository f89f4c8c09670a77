# SPDX-License-Identifier: GPL-3.0-or-later
"""Each style check is seen to pass on a clean tree, to fail on each violation, and to fail when
what it should look at is missing. Fixtures are made in a folder that is thrown away."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LICENCE = "/* SPDX-License-Identifier: GPL-3.0-or-later */\n"

CLEAN = {
    "meters/a.h": LICENCE + "#include <stdint.h>\n\nint mt_a(void);\n",
    "meters/a.c": LICENCE + '#include "meters/a.h"\n\n#include <string.h>\n\n'
                            "#include <wolfssl/options.h>\n\nint mt_a(void)\n{\n    return 1;\n}\n",
    "gateway/core/b.c": LICENCE + '#include "meters/a.h"\n\nint gw_b(void);\n\nint gw_b(void)\n{\n'
                                  "    return mt_a();\n}\n",
    "firmware/core/c.c": LICENCE + '#include "meters/a.h"\n\nint fw_c(void);\n\nint fw_c(void)\n{\n'
                                   "    return mt_a();\n}\n",
    "gateway/adapters/d.h": LICENCE,
    "README.md": "Text.\n",
}


class Fixture(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="meterpay-style-")
        self.addCleanup(shutil.rmtree, self.root)
        for name, text in CLEAN.items():
            self.write(name, text)
        for name in (".clang-format", ".clang-tidy"):
            shutil.copy(os.path.join(ROOT, name), self.root)

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def remove(self, name):
        os.remove(os.path.join(self.root, name))

    def run_check(self, check, *arguments):
        # ROOT is not a git work tree: the checks walk it.
        done = subprocess.run([sys.executable, os.path.join(HERE, check), *arguments],
                              capture_output=True, text=True,
                              env={**os.environ, "GIT_CEILING_DIRECTORIES": "/",
                                   "GIT_DIR": os.path.join(self.root, "none")})
        return done.returncode, done.stdout + done.stderr

    def passes(self, check, *arguments):
        status, out = self.run_check(check, *arguments)
        self.assertEqual(status, 0, out)

    def fails(self, expected, check, *arguments):
        status, out = self.run_check(check, *arguments)
        self.assertEqual(status, 1, out)
        self.assertIn(expected, out)

    def compile(self, name, source, flags=()):
        self.write(name + ".c", source)
        path = os.path.join(self.root, name)
        subprocess.run(["gcc", "-O1", *flags, "-c", path + ".c", "-o", path + ".o"], check=True)
        subprocess.run(["ar", "rcs", path + ".a", path + ".o"], check=True)
        return path + ".a"


class Includes(Fixture):
    def test_a_clean_tree_passes(self):
        self.passes("includes.py", self.root)

    def test_each_forbidden_include_is_found(self):
        for folder, include in (
                ("meters", '"gateway/core/b.c"'), ("meters", "<stdio.h>"), ("meters", "<time.h>"),
                ("meters", "<stdlib.h>"), ("meters", "<errno.h>"),
                ("gateway/core", '"gateway/adapters/d.h"'), ("gateway/core", "<wolfssl/options.h>"),
                ("gateway/core", '"firmware/core/c.c"'), ("gateway/adapters", '"firmware/core/c.c"'),
                ("firmware/core", '"gateway/core/b.c"'), ("firmware/core", "<stdio.h>"),
                ("gateway/app", '"firmware/core/c.c"'), ("meters", '"a.h"'), ("meters", "MACRO"),
                ("gateway/adapters", '"meters/a.c"'), ("elsewhere", "<stdint.h>")):
            with self.subTest(folder=folder, include=include):
                name = folder + "/bad.c"
                self.write(name, LICENCE + f"#include {include}\n")
                self.fails(name, "includes.py", self.root)
                self.remove(name)

    def test_an_include_in_a_comment_is_none(self):
        self.write("meters/x.c", LICENCE + "/*\n#include <stdio.h>\n*/\n// #include <time.h>\n")
        self.passes("includes.py", self.root)

    def test_a_missing_folder_fails(self):
        self.remove("firmware/core/c.c")
        self.fails("firmware/core/: no C file", "includes.py", self.root)


class Symbols(Fixture):
    def test_pure_code_passes(self):
        archive = self.compile("pure", "#include <string.h>\nint wc_x(void);\n"
                               "int mt_f(char *a, int n);\n"
                               "int mt_f(char *a, int n) { memset(a, wc_x(), n); return 1; }\n")
        self.passes("symbols.py", "pure", archive, "wc_")
        self.fails("needs wc_x", "symbols.py", "pure", archive)

    def test_sanitized_pure_code_passes(self):
        archive = self.compile("sane", "int mt_f(int *a, int n);\n"
                               "int mt_f(int *a, int n) { int b[9] = {0}; b[n] = a[n] + n;"
                               " return b[n / 2] / n; }\n",
                               ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"])
        self.passes("symbols.py", "pure", archive)

    def test_each_impure_call_is_found(self):
        for name, header, call in (
                ("malloc", "stdlib.h", "*p = malloc(3)"), ("calloc", "stdlib.h", "*p = calloc(3, n)"),
                ("realloc", "stdlib.h", "*p = realloc(*p, n)"), ("free", "stdlib.h", "free(*p)"),
                ("printf", "stdio.h", 'printf("%d", n)'), ("snprintf", "stdio.h",
                                                           'snprintf(*p, 3, "%d", n)'),
                ("time", "time.h", "n = time(0)"), ("fopen", "stdio.h", '*p = fopen(*p, "r")'),
                ("clock_gettime", "time.h", "n = clock_gettime(0, *p)"),
                ("__errno_location", "errno.h", "errno = n"), ("exit", "stdlib.h", "exit(n)"),
                ("abort", "stdlib.h", "abort()"), ("qsort", "stdlib.h", "qsort(*p, 1, 1, 0)")):
            with self.subTest(name=name):
                archive = self.compile("bad", f"#include <{header}>\nvoid mt_f(void **p, int n);\n"
                                       f"void mt_f(void **p, int n) {{ {call}; *p = *p + n; }}\n")
                self.fails(f"needs {name}", "symbols.py", "pure", archive)

    def test_a_missing_archive_fails(self):
        self.fails("missing", "symbols.py", "pure", os.path.join(self.root, "none.a"))
        self.fails("missing", "symbols.py", "exports", "mt_", os.path.join(self.root, "none.a"))

    def test_an_empty_archive_fails(self):
        self.fails("nothing to check", "symbols.py", "pure", self.compile("none", ""))
        self.fails("nothing to check", "symbols.py", "exports", "mt_", self.compile("none", ""))

    def test_exported_names_carry_the_prefix(self):
        good = self.compile("good", "int mt_a;\nstatic int b(void) { return 1; }\n"
                            "int mt_c(void);\nint mt_c(void) { return b(); }\n")
        self.passes("symbols.py", "exports", "mt_", good)
        for kind, source in (("function", "int helper(void);\nint helper(void) { return 1; }\n"),
                             ("variable", "int helper = 3;\n"), ("table", "const int helper = 3;\n"),
                             ("zeroed", "int helper;\n"), ("common", "int helper[9];\n")):
            with self.subTest(kind=kind):
                bad = self.compile("bad", source, ["-fcommon"] if kind == "common" else [])
                self.fails("exports helper", "symbols.py", "exports", "mt_", bad)


class Shape(Fixture):
    def function(self, lines):
        return (LICENCE + "int mt_long(int n)\n{\n" + "    n++;\n" * (lines - 4)
                + "    return n;\n}\n")

    def test_a_function_of_70_lines_passes_and_of_71_fails(self):
        self.write("meters/x.c", self.function(70))
        self.passes("shape.py", self.root)
        self.write("meters/x.c", self.function(71))
        self.fails("mt_long has 71 lines", "shape.py", self.root)

    def test_six_parameters_pass_and_seven_fail(self):
        self.write("meters/x.c", LICENCE + "int mt_x(int a, int b, int c, int d, int e,\n"
                   "         int (*f)(int, int))\n{\n    return f(a, b) + c + d + e;\n}\n")
        self.passes("shape.py", self.root)
        self.write("meters/x.c", LICENCE + "int mt_x(int a, int b, int c, int d, int e, int f,\n"
                   "         int g[3])\n{\n    return a + b + c + d + e + f + g[0];\n}\n")
        self.fails("takes 7 parameters", "shape.py", self.root)
        self.write("meters/x.c", LICENCE + "/* style: callback of libfoo */\n"
                   "int mt_x(int a, int b, int c, int d, int e, int f, int g)\n{\n    return a;\n}\n")
        self.passes("shape.py", self.root)

    def nested(self, depth):
        opening = "".join("for (;;) {\n" if i % 2 else "if (n) {\n" for i in range(depth))
        return LICENCE + "int mt_x(int n)\n{\n" + opening + "n--;\n" + "}\n" * depth + "return n;\n}\n"

    def test_four_levels_pass_and_five_fail(self):
        self.write("meters/x.c", self.nested(4))
        self.passes("shape.py", self.root)
        self.write("meters/x.c", self.nested(5))
        self.fails("nests 5 blocks", "shape.py", self.root)

    def test_initializers_and_comments_are_no_blocks(self):
        self.write("meters/x.c", LICENCE + "int mt_x(void)\n{\n    if (1) {\n        for (;;) {\n"
                   "            struct p q[] = {{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}};\n"
                   "            q[0] = (struct p){{1, 2}, {3, 4}};\n"
                   "            char c = '{'; /* {{{{{ */\n            f(\"{{{{{\", c);\n"
                   "        }\n    }\n    return 1;\n}\n")
        self.passes("shape.py", self.root)

    def test_switches_and_macro_loops_are_blocks(self):
        self.write("meters/x.c", LICENCE + "int mt_x(int n)\n{\n    switch (n) {\n    case 1: {\n"
                   "        list_each (a, b) {\n            do {\n                if (n) {\n"
                   "                    n--;\n                } else {\n                }\n"
                   "            } while (n);\n        }\n    }\n    }\n    return n;\n}\n")
        self.fails("nests 5 blocks", "shape.py", self.root)

    def test_a_function_after_conditional_code_is_measured(self):
        self.write("meters/x.c", LICENCE + "#if A\nint f(void) {\n#else\nint f(int a) {\n#endif\n"
                   "    return 1;\n}\n" + self.function(71))
        self.fails("mt_long has 71 lines", "shape.py", self.root)

    def test_a_long_file_fails_unless_it_is_a_table(self):
        self.write("meters/x.c", LICENCE + "int x;\n" * 800)
        self.fails("has 801 lines", "shape.py", self.root)
        os.rename(os.path.join(self.root, "meters/x.c"), os.path.join(self.root, "meters/x_table.c"))
        self.passes("shape.py", self.root)

    def test_no_function_at_all_fails(self):
        for name in CLEAN:
            if name.endswith(".c"):
                self.remove(name)
        self.fails("nothing to check", "shape.py", self.root)


class Format(Fixture):
    def test_a_clean_tree_passes(self):
        self.passes("format.py", self.root)

    def test_a_wrong_indent_is_found(self):
        self.write("meters/x.c", LICENCE + "int mt_x(void)\n{\n  return 1;\n}\n")
        self.fails("meters/x.c:3", "format.py", self.root)

    def test_a_missing_configuration_fails(self):
        self.remove(".clang-format")
        self.fails("missing", "format.py", self.root)


class Floats(Fixture):
    def test_a_clean_tree_passes(self):
        self.write("meters/x.c", LICENCE + "/* 1.5 double */\nint x = 0x1e5; // 2.5\n"
                   'const char *s = "1.5";\n')
        self.passes("floats.py", self.root)

    def test_each_kind_is_found(self):
        for line in ("double a;", "float a;", "int a = 1.5;", "int a = 3 * .5;", "int a = 1e3;",
                     "a = strtod(s, 0);", "#include <math.h>"):
            for folder in ("meters", "gateway/core", "firmware/core"):
                with self.subTest(line=line, folder=folder):
                    self.write(folder + "/x.c", LICENCE + line + "\n")
                    self.fails(folder + "/x.c:2: floating point", "floats.py", self.root)
                    self.remove(folder + "/x.c")

    def test_a_marked_line_passes(self):
        self.write("meters/x.c", LICENCE + "double a; /* style: float, it is refused */\n")
        self.passes("floats.py", self.root)

    def test_a_missing_folder_fails(self):
        self.remove("gateway/core/b.c")
        self.fails("gateway/core/: no C file", "floats.py", self.root)


class Words(Fixture):
    def test_a_clean_tree_passes(self):
        self.passes("words.py", self.root)

    def test_each_word_is_found(self):
        for text in ("TODO", "a FIXME here", "a stub", "Stubs", "the placeholder",
                     "/" + "work/main",
                     "one \u2014 two", "space \nmore", "<<<<<<< ours"):
            with self.subTest(text=text):
                self.write("README.md", text + "\n")
                self.fails("README.md:1", "words.py", self.root)

    def test_innocent_words_pass(self):
        self.write("README.md", "stubborn, network/workers, placeholder='name', 4\u20135\n")
        self.passes("words.py", self.root)

    def test_a_missing_licence_line_is_found(self):
        for name, text in (("meters/x.c", "int x;\n"), ("x.sh", "#!/bin/bash\necho\n"),
                           ("dev", "#!/bin/bash\n"), ("x.cmake", "set(a b)\n")):
            with self.subTest(name=name):
                self.write("./" + name, text)
                self.fails("does not begin with", "words.py", self.root)
                self.remove(name)

    def test_an_unfinished_last_line_is_found(self):
        self.write("README.md", "Text")
        self.fails("the last line does not end", "words.py", self.root)


class Results(Fixture):
    SOURCE = (LICENCE + "__attribute__((warn_unused_result)) int mt_s(void);\nvoid mt_x(void);\n\n"
              "void mt_x(void)\n{\n    %s\n}\n")

    def arguments(self, names=("meters/x.c",)):
        entries = [{"directory": self.root, "file": os.path.join(self.root, name),
                    "command": f"/usr/bin/ccache gcc -I{self.root} -DNUMBER=1 -Werror -O1 "
                               f"-fsanitize=address -o x.o -c {name}"} for name in names]
        self.write("compile_commands.json", json.dumps(entries))
        return (self.root, self.root)

    def test_a_result_that_is_used_or_cast_away_passes(self):
        for line in ("(void)mt_s(); /* why */", "if (mt_s() == NUMBER) {\n    }"):
            with self.subTest(line=line):
                self.write("meters/x.c", self.SOURCE % line)
                self.passes("results.py", *self.arguments())

    def test_an_ignored_result_is_found(self):
        self.write("meters/x.c", self.SOURCE % "mt_s();")
        self.fails("meters/x.c:7: ", "results.py", *self.arguments())

    def test_a_file_that_does_not_compile_fails(self):
        self.write("meters/x.c", LICENCE + '#include "none.h"\n')
        self.fails("meters/x.c:2: ", "results.py", *self.arguments())

    def test_no_file_or_no_build_fails(self):
        self.fails("nothing to check", "results.py", *self.arguments(()))
        self.fails("is missing", "results.py", self.root, os.path.join(self.root, "none"))


class Tidy(Fixture):
    def arguments(self):
        return (self.root, os.path.join(self.root, "cache"), self.root, "gateway/core")

    def test_clean_code_passes_twice_and_a_change_is_seen(self):
        self.passes("tidy.py", *self.arguments())
        self.passes("tidy.py", *self.arguments())
        self.write("gateway/core/b.c", LICENCE + "int gw_b(int n);\n\nint gw_b(int n)\n{\n"
                   "    if (n)\n        return 2;\n    return 1;\n}\n")
        self.fails("readability-braces", "tidy.py", *self.arguments())
        self.fails("readability-braces", "tidy.py", *self.arguments())

    def test_recursion_is_found(self):
        self.write("gateway/core/x.c", LICENCE + "int gw_x(int n);\n\nint gw_x(int n)\n{\n"
                   "    return n > 0 ? gw_x(n - 1) : 0;\n}\n")
        self.fails("misc-no-recursion", "tidy.py", *self.arguments())

    def test_a_missing_folder_fails(self):
        self.remove("gateway/core/b.c")
        self.fails("no .c file found", "tidy.py", *self.arguments())


if __name__ == "__main__":
    unittest.main()
