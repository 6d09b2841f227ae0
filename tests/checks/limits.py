"""House limits, as advice: how long a file and a function may be."""
import ast
import re

from house import ROOT, Finding, files, read

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

_OPAQUE = re.compile(
    r'R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"'     # raw string
    r'|"(?:[^"\\\n]|\\.)*"'                             # string
    r"|(?<![0-9A-Za-z_])(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+'"   # character, not a digit separator
    r"|//[^\n]*|/\*.*?\*/"                              # comments
    r"|^[ \t]*#(?:[^\n\\]|\\.)*",                       # preprocessor lines, continued ones too
    re.DOTALL | re.MULTILINE)
_TYPE = re.compile(r"\b(?:namespace|class|struct|union|enum)\b|\bextern\s*$")
_CONSTRUCTOR_LIST = re.compile(r"\)[\s\w]*:(?!:)")


def check(root=ROOT):
    for path in files(root, (".cc", ".h", ".py")):
        text = read(path, root)
        lines = text.count("\n")
        if lines > FILE_LINES_MAX:
            yield Finding(path, 1, f"{lines} lines; a file has at most {FILE_LINES_MAX}", advice=True)
        found = python_functions(text) if path.endswith(".py") else cpp_functions(text)
        for first, last in found:
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield Finding(path, first, f"a function of {last - first + 1} lines; at most {FUNCTION_LINES_MAX}",
                              advice=True)


def python_functions(text):
    """(first line, last line) of every function."""
    return [(node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def blank(text):
    """`text` without strings, comments and preprocessor lines; every line stays where it was."""
    return _OPAQUE.sub(lambda match: "\n" * match.group().count("\n") or " ", text)


def cpp_functions(text):
    """(first line, last line) of every outermost function body, found by its braces."""
    found, scopes, head, head_line, line = [], [], "", 1, 1
    for char in blank(text):
        if char == "{":
            scopes.append((_kind(head, scopes), head_line))
            if scopes[-1][0] != "initialiser":
                head = ""
        elif char == "}" and scopes:
            kind, first = scopes.pop()
            if kind == "function":
                found.append((first, line))
            if kind == "initialiser":
                head += "}"
            else:
                head = ""
        elif char == ";":
            head = ""
        elif head or not char.isspace():
            if not head:
                head_line = line
            head += char
        line += char == "\n"
    return found


def _kind(head, scopes):
    if any(kind == "function" for kind, _ in scopes):
        return "block"
    if _CONSTRUCTOR_LIST.search(head) and re.search(r"[\w>]\s*$", head):
        return "initialiser"   # of a member: the body comes later
    plain = head
    while (inner := re.sub(r"<[^<>]*>", "", plain)) != plain:   # template parameters may say class, too
        plain = inner
    returns_type = re.search(r"\)\s*(?:const|noexcept|override|final|\s)*$", plain)   # struct stat f() {
    if _TYPE.search(plain.split("(")[0]) and not returns_type:
        return "type"
    return "function" if "(" in head else "other"
