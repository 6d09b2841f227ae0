"""The checks that need clang: format, tidy, and each public header compiled alone."""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import tempfile

from house import ROOT, Finding, files, read

FORMAT, TIDY, CLANG = "clang-format-19", "clang-tidy-19", "clang++-19"
_DIAGNOSTIC = re.compile(r"^(?P<path>[^\s:][^:\n]*):(?P<line>\d+):\d+: (?P<kind>fatal error|error|warning): (?P<text>.*)$",
                         re.MULTILINE)


def _each(work, items, jobs):
    """work(item) for all items, `jobs` at once; its findings one after the other."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(work, items):
            yield from found


def _run(argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, **more)


def _findings(text, advice_kinds=()):
    """Diagnostics about our own files."""
    for match in _DIAGNOSTIC.finditer(text):
        path = os.path.relpath(os.path.realpath(match["path"]), ROOT)
        if path.endswith(".cc") and not path.startswith(("..", "build/")):
            yield Finding(path, int(match["line"]), match["text"].replace(",-warnings-as-errors", ""),
                          match["kind"] in advice_kinds)


# -- format --------------------------------------------------------------------------------------------------------------

def format_check(jobs, only=None):
    paths = [path for path in files() if only is None or path in only]

    def one(path):
        result = _run([FORMAT, "--dry-run", path], cwd=ROOT)
        places = [int(match["line"]) for match in _DIAGNOSTIC.finditer(result.stderr)]
        if places:
            return [Finding(path, places[0], f"{len(places)} places are not formatted (./dev check --fix does it)")]
        return [] if result.returncode == 0 else [Finding(path, 1, result.stderr.strip())]

    yield from _each(one, paths, jobs)


def format_fix(only=None):
    paths = [path for path in files() if only is None or path in only]
    if paths:
        subprocess.run([FORMAT, "-i", *paths], cwd=ROOT, check=True)
    return len(paths)


# -- compile database ----------------------------------------------------------------------------------------------------

def compile_commands(build):
    """{path: arguments} of our own files in C++. The precompiled header is replaced by its text: clang-tidy has its own view of
    which files it trusts, and a header must not borrow what the precompiled one brings."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as source:
        entries = json.load(source)
    commands = {}
    for entry in entries:
        path = os.path.relpath(os.path.realpath(entry["file"]), ROOT)
        if path.endswith(".cc") and not path.startswith(("..", "build/")):
            commands.setdefault(path, without_pch(shlex.split(entry["command"])))
    return commands


def without_pch(arguments):
    kept, at = [], 0
    while at < len(arguments):
        if arguments[at:at + 2] == ["-Xclang", "-include-pch"]:
            at += 4   # -Xclang -include-pch -Xclang FILE
        elif arguments[at] == "-Winvalid-pch":
            at += 1
        else:
            kept.append(arguments[at])
            at += 1
    return kept


# -- tidy ----------------------------------------------------------------------------------------------------------------

def tidy_check(build, jobs, only=None, advice=False):
    commands = compile_commands(build)
    sources = sorted(commands) if only is None else _units_of(only, commands)
    checks = [] if advice else ["--checks=-*," + _error_checks()]
    with tempfile.TemporaryDirectory(prefix="skep-tidy-") as folder:
        with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as out:
            json.dump([{"directory": os.path.abspath(build), "file": os.path.join(ROOT, path), "arguments": arguments}
                       for path, arguments in commands.items()], out)

        def one(path):
            result = _run([TIDY, "--quiet", "-p", folder, *checks, os.path.join(ROOT, path)])
            found = list(_findings(result.stdout, advice_kinds=("warning",)))
            if not found and result.returncode != 0:
                found = [Finding(path, 1, f"clang-tidy ended with {result.returncode}: {result.stderr.strip()}")]
            return found

        yield from _each(one, sources, jobs)


def _error_checks():
    match = re.search(r"^WarningsAsErrors:\s*>-?\n((?:[ \t]+\S.*\n)+)", read(".clang-tidy"), re.MULTILINE)
    return "".join(match.group(1).split())


def _units_of(changed, commands):
    """Changed translation units, and for each changed header one unit that includes it."""
    units = {path for path in changed if path in commands}
    for header in (path for path in changed if path.endswith(".h")):
        name = header.rsplit("/include/", 1)[-1] if "/include/" in header else os.path.basename(header)
        includes = (path for path in sorted(commands) if f'#include "{name}"' in read(path))
        first = next(includes, None)
        if first is not None and not any(f'#include "{name}"' in read(path) for path in units):
            units.add(first)
    return sorted(units)


# -- headers -------------------------------------------------------------------------------------------------------------

def headers_check(build, jobs, only=None):
    """Each public header compiles with nothing before it, with the flags and include paths of its room."""
    flags = {}
    for path, arguments in compile_commands(build).items():
        match = re.match(r"src/(\w+)/src/", path)
        if match:
            flags.setdefault(match.group(1), _flags(arguments, path))
    headers = [path for path in files(endings=(".h",)) if re.match(r"src/\w+/include/", path)]

    def one(path):
        if path.split("/")[1] not in flags:
            return [Finding(path, 1, "its room is not in the build, so this header was not compiled", advice=True)]
        return _compile_alone(path, flags[path.split("/")[1]])

    yield from _each(one, [path for path in headers if only is None or path in only], jobs)


def _flags(arguments, path):
    """What decides how a header reads: definitions, include paths, language, warnings. Not the room's private folder."""
    kept, at = [], 1
    private = os.path.join(ROOT, *path.split("/")[:2], "src")
    while at < len(arguments):
        argument = arguments[at]
        if argument in ("-isystem", "-I", "-D"):
            kept += arguments[at:at + 2]
            at += 1
        elif argument.startswith(("-D", "-I", "-std=", "-W")) and argument != "-I" + private:
            kept.append(argument)
        at += 1
    return kept


def _compile_alone(path, flags):
    text = f'#include "{os.path.join(ROOT, path)}"\n'
    result = _run([CLANG, *flags, "-fsyntax-only", "-fno-caret-diagnostics", "-x", "c++", "-"], input=text, cwd=ROOT)
    if result.returncode == 0 and "warning:" not in result.stderr:
        return []
    found = list(_findings(result.stderr))
    return found or [Finding(path, 1, "does not compile alone: " + result.stderr.strip())]
