# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of YAML that tariff packs and the gateway's configuration are written in.

Written for the oracle, so that what it reads does not pass through the library that the gateway reads
with. Block and flow mappings and sequences, plain and quoted scalars, folded and literal text,
comments. Every scalar stays the text that stands in the file: a price is never a float. What this
reader does not know (anchors, tags, several documents, tabs) it refuses, with the line.
"""
import re


class YamlError(Exception):
    pass


class _Line:
    def __init__(self, number, indent, text):
        self.number = number
        self.indent = indent
        self.text = text


def _strip_comment(text):
    """Cut a comment off: a # at the start or after a blank, outside of quotes."""
    quote = None
    for i, letter in enumerate(text):
        if quote is not None:
            if letter == quote:
                quote = None
        elif letter in "'\"" and (i == 0 or text[i - 1] in " [{,:"):
            quote = letter
        elif letter == "#" and (i == 0 or text[i - 1] == " "):
            return text[:i].rstrip()
    return text.rstrip()


def _split_key(text):
    """'key: rest' -> (key, rest); None when the text is no mapping entry. A colon ends a key only
    before a blank or at the end of the line, so that 08:00 is a key by itself."""
    match = re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s\[\]{},&*!|>'"#][^#]*?)\s*:(?:\s+(.*))?$""",
                     text)
    if match is None:
        return None
    return _plain(match.group(1)), (match.group(2) or "").strip()


def _plain(text):
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        if "\\" in text:
            raise YamlError("escapes in double quotes are not read: %s" % text)
        return text[1:-1]
    return text


class _Flow:
    """[a, b] and {k: v}, on one line."""

    def __init__(self, text, number):
        self.text = text
        self.at = 0
        self.number = number

    def fail(self, what):
        raise YamlError("line %d: %s in %s" % (self.number, what, self.text))

    def skip(self):
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    def peek(self):
        self.skip()
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self, letter):
        if self.peek() != letter:
            self.fail("'%s' expected at column %d" % (letter, self.at + 1))
        self.at += 1

    def value(self):
        if self.peek() == "[":
            return self.sequence()
        if self.peek() == "{":
            return self.mapping()
        return self.scalar(",]}")

    def scalar(self, ends):
        self.skip()
        start = self.at
        if self.peek() in ("'", '"'):
            end = self.text.find(self.text[start], start + 1)
            if end < 0:
                self.fail("a quote is not closed")
            self.at = end + 1
            return _plain(self.text[start:self.at])
        while self.at < len(self.text) and self.text[self.at] not in ends:
            self.at += 1
        return self.text[start:self.at].strip()

    def sequence(self):
        self.take("[")
        items = []
        while self.peek() != "]":
            items.append(self.value())
            if self.peek() == ",":
                self.take(",")
            elif self.peek() != "]":
                self.fail("',' or ']' expected")
        self.take("]")
        return items

    def mapping(self):
        self.take("{")
        result = {}
        while self.peek() != "}":
            key = self.key()
            if key in result:
                self.fail("the key %s is there twice" % key)
            result[key] = self.value()
            if self.peek() == ",":
                self.take(",")
            elif self.peek() != "}":
                self.fail("',' or '}' expected")
        self.take("}")
        return result

    def key(self):
        match = re.compile(r"\s*([^\s,{}\[\]]+?):\s+").match(self.text, self.at)
        if match is None:
            self.fail("a key is expected at column %d" % (self.at + 1))
        self.at = match.end()
        return _plain(match.group(1))


class _Reader:
    def __init__(self, text):
        self.lines = []
        self.at = 0
        for number, raw in enumerate(text.split("\n"), 1):
            if "\t" in raw:
                raise YamlError("line %d: a tab" % number)
            body = raw.lstrip(" ")
            self.lines.append(_Line(number, len(raw) - len(body), body))

    def next_line(self):
        """The next line that holds something, its comment cut off; None at the end."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            text = _strip_comment(line.text)
            if text in ("", "---", "..."):
                self.at += 1
                continue
            if text[0] in "&*!%@`":
                raise YamlError("line %d: this part of YAML is not read: %s" % (line.number, text))
            return _Line(line.number, line.indent, text)
        return None

    def block(self, indent):
        line = self.next_line()
        if line is None or line.indent < indent:
            return None
        if line.text == "-" or line.text.startswith("- "):
            return self.sequence(line.indent)
        return self.mapping(line.indent)

    def mapping(self, indent):
        result = {}
        while True:
            line = self.next_line()
            if line is None or line.indent < indent:
                return result
            pair = _split_key(line.text)
            if line.indent > indent or pair is None:
                raise YamlError("line %d: 'key: value' expected here: %s" % (line.number, line.text))
            key, rest = pair
            if key in result:
                raise YamlError("line %d: the key %s is there twice" % (line.number, key))
            self.at += 1
            result[key] = self.after_key(rest, indent, line.number)

    def after_key(self, rest, indent, number):
        if rest == "":
            line = self.next_line()
            is_list = line is not None and (line.text == "-" or line.text.startswith("- "))
            # A sequence may stand at the indentation of its key.
            return self.block(indent if is_list else indent + 1)
        if re.match(r"[>|][-+]?$", rest):
            return self.text_block(indent, folded=rest[0] == ">")
        return self.inline(rest, number)

    def inline(self, text, number):
        if text[0] in "[{":
            while text.count("[") + text.count("{") > text.count("]") + text.count("}"):
                line = self.next_line()
                if line is None:
                    raise YamlError("line %d: a bracket is not closed" % number)
                self.at += 1
                text += " " + line.text
            flow = _Flow(text, number)
            value = flow.value()
            if flow.peek() != "":
                flow.fail("something follows the bracket")
            return value
        return _plain(text)

    def text_block(self, indent, folded):
        lines = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.text != "" and line.indent <= indent:
                break
            lines.append(line.text)
            self.at += 1
        return (" " if folded else "\n").join(lines).strip()

    def sequence(self, indent):
        items = []
        while True:
            line = self.next_line()
            if line is None or line.indent < indent or not (
                    line.text == "-" or line.text.startswith("- ")):
                return items
            if line.indent > indent:
                raise YamlError("line %d: indented further than its list" % line.number)
            rest = line.text[1:].lstrip(" ")
            if rest == "":
                self.at += 1
                items.append(self.block(indent + 1))
            elif rest[0] not in "[{'\"" and _split_key(rest) is not None:
                # "- key: value": the mapping goes on below, at the key's own column.
                column = line.indent + len(line.text) - len(rest)
                self.lines[self.at] = _Line(line.number, column, self.lines[self.at].text[
                    len(line.text) - len(rest):])
                items.append(self.mapping(column))
            else:
                self.at += 1
                items.append(self.inline(rest, line.number))


def parse(text):
    """The document as dicts, lists and texts. An empty one is an empty dict."""
    reader = _Reader(text)
    value = reader.block(0)
    line = reader.next_line()
    if line is not None:
        raise YamlError("line %d: not part of what is above it: %s" % (line.number, line.text))
    return {} if value is None else value


def load(path):
    with open(path, encoding="utf-8") as file:
        try:
            return parse(file.read())
        except YamlError as error:
            raise YamlError("%s: %s" % (path, error)) from None
