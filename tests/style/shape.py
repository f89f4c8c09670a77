# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of functions and files: `shape.py ROOT`.

A function has 70 lines at most, from its name to its closing brace; blocks nest 4 deep; it takes 6
parameters (a callback whose parameters a library dictates says `style: callback of <library>` on the
line above its name). A file has 800 lines at most; tables (a name with "table" in it) and tests may be longer.
"""
import re
import sys

import common

LINES_MAX = 70
NESTING_MAX = 4
PARAMETERS_MAX = 6
FILE_LINES_MAX = 800
CALLBACK_MARK = "style: callback of "

TOKEN = re.compile(r"[A-Za-z_]\w*|[{}()\[\];,=:?]|\n|[^\s\w]")
# A parenthesis after one of these opens a condition, so that a brace after it is a block.
KEYWORDS = {"if", "for", "while", "switch"}


def without_preprocessor(text):
    """Directives as spaces, with their continued lines; of #if ... #else the first branch stays."""
    lines, result, skipping, continued = text.split("\n"), [], [], False
    for line in lines:
        directive = re.match(r"\s*#\s*(\w+)", line)
        if continued or directive:
            if directive and not continued:
                word = directive.group(1)
                if word.startswith("if"):
                    skipping.append(False)
                elif word in ("else", "elif") and skipping:
                    skipping[-1] = True
                elif word == "endif" and skipping:
                    skipping.pop()
            continued = line.rstrip().endswith("\\")
            result.append("")
        else:
            result.append("" if any(skipping) else line)
    return "\n".join(result)


def tokenize(text):
    """(token, line) pairs."""
    line, tokens = 1, []
    for match in TOKEN.finditer(without_preprocessor(common.blank(text))):
        if match.group(0) == "\n":
            line += 1
        else:
            tokens.append((match.group(0), line))
    return tokens


def open_paren(tokens, i):
    """Index of the parenthesis that tokens[i], a closing one, closes."""
    depth = 0
    while i >= 0:
        depth += {")": 1, "(": -1}.get(tokens[i][0], 0)
        if depth == 0:
            return i
        i -= 1
    return -1


def function_head(tokens, i):
    """Index of a function's name when tokens[i] is the brace that opens its body, else -1."""
    j = i - 1
    # Attributes may stand between the parameters and the body.
    while j > 0 and tokens[j][0] == ")":
        start = open_paren(tokens, j)
        name = tokens[start - 1][0] if start > 0 else ""
        if name == "__attribute__" or (name == "(" and tokens[start - 2][0] == "__attribute__"):
            j = start - 2
            continue
        return start - 1 if re.match(r"[A-Za-z_]", name) else -1
    return -1


def count_parameters(tokens, name):
    """Parameters of the function whose name is tokens[name]."""
    depth, count, words = 0, 1, []
    for token, _ in tokens[name + 1:]:
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(token, 0)
        if depth == 0:
            break
        if depth == 1 and token == ",":
            count += 1
        words.append(token)
    return 0 if words[1:] in ([], ["void"]) else count


def is_block(tokens, i):
    """True when the brace at tokens[i], inside a function, opens a block, no initializer."""
    before = tokens[i - 1][0]
    if before in ("{", "}", ";", ":", "else", "do"):
        # `:` is a case label or the second half of ?: with a literal, which needs a cast before.
        return True
    if before == ")":
        start = open_paren(tokens, i - 1)
        word = tokens[start - 1][0]
        # `if (...) {`, and loops made by macros; `(struct point){` has no name before it.
        return word in KEYWORDS or (re.match(r"[A-Za-z_]\w*$", word) is not None
                                    and word not in ("return", "sizeof"))
    return False


class Function:
    def __init__(self, tokens, head):
        self.name, self.line = tokens[head]
        self.parameters = count_parameters(tokens, head)
        self.end = self.line
        self.nesting = 0


def find_functions(text):
    tokens = tokenize(text)
    functions, stack, current = [], [], None
    for i, (token, line) in enumerate(tokens):
        if token == "{":
            if not stack:
                head = function_head(tokens, i)
                current = Function(tokens, head) if head >= 0 else None
                stack.append("body" if current else "other")
            else:
                # Within an initializer a brace opens another row, whatever stands before it.
                block = current and stack[-1] != "other" and is_block(tokens, i)
                stack.append("block" if block else "other")
                if current:
                    current.nesting = max(current.nesting, stack.count("block"))
        elif token == "}" and stack:
            if stack.pop() == "body":
                current.end = line
                functions.append(current)
                current = None
    return functions


def judge(name, function, raw):
    lines = function.end - function.line + 1
    where = f"{name}:{function.line}: {function.name}"
    if lines > LINES_MAX:
        yield f"{where} has {lines} lines, more than {LINES_MAX}"
    if function.nesting > NESTING_MAX:
        yield f"{where} nests {function.nesting} blocks, more than {NESTING_MAX}"
    dictated = CALLBACK_MARK in "".join(raw[max(0, function.line - 2):function.line])
    if function.parameters > PARAMETERS_MAX and not dictated:
        yield f"{where} takes {function.parameters} parameters, more than {PARAMETERS_MAX}"


def check(root):
    violations, checked = [], 0
    for name in common.list_c_files(root):
        text = common.read(root, name)
        for function in find_functions(text):
            checked += 1
            violations += judge(name, function, text.split("\n"))
        lines = text.count("\n")
        if lines > FILE_LINES_MAX and "table" not in name and not name.startswith("tests/"):
            violations.append(f"{name}:1: has {lines} lines, more than {FILE_LINES_MAX}")
    common.finish(violations, checked, "functions")


if __name__ == "__main__":
    check(sys.argv[1])
