"""What the checks know of the source tree: its files, its rooms, and how a finding looks."""
import dataclasses
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CPP = (".cc", ".h")


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str          # relative to the root
    line: int
    message: str
    advice: bool = False

    def __str__(self):
        return f"{self.path}:{self.line}: {'advice: ' if self.advice else ''}{self.message}"


@dataclasses.dataclass
class Room:
    name: str
    uses: tuple = ()
    line: int = 1      # of USES in its CMakeLists.txt


def git(root, *args):
    return subprocess.run(["git", "-C", root, *args], check=True, capture_output=True, text=True).stdout


def files(root=ROOT, endings=CPP):
    """Our own source files: those git knows, and new ones it does not ignore."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted(path for path in set(listed) if path.endswith(endings) and os.path.exists(os.path.join(root, path)))


def changed_files(base, root=ROOT):
    """What differs from the point where this branch left `base`, uncommitted and new files included."""
    fork = git(root, "merge-base", base, "HEAD").strip()
    listed = git(root, "diff", "-z", "--name-only", fork).split("\0")
    return set(listed) | set(git(root, "ls-files", "-z", "--others", "--exclude-standard").split("\0"))


def read(path, root=ROOT):
    with open(os.path.join(root, path), encoding="utf-8") as source:
        return source.read()


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def without_cmake_comments(text):
    return re.sub(r"#[^\n]*", "", text)


def rooms(root=ROOT):
    """Rooms by name. Read from each src/<room>/CMakeLists.txt."""
    found = {}
    for name in sorted(os.listdir(os.path.join(root, "src"))):
        path = os.path.join("src", name, "CMakeLists.txt")
        if not os.path.exists(os.path.join(root, path)):
            continue
        text = without_cmake_comments(read(path, root))
        call = re.search(r"\bskep_room\(\s*(\w+)([^)]*)\)", text)
        if not call:
            continue
        words = re.search(r"\bUSES\b([^)]*?)(?=\b(?:SOURCES|LINKS)\b|$)", call.group(2))
        uses = tuple(words.group(1).split()) if words else ()
        at = call.start(2) + words.start() if words else call.start()
        found[call.group(1)] = Room(call.group(1), uses, line_of(text, at))
    return found


def floors(root=ROOT):
    text = without_cmake_comments(read("cmake/room.cmake", root))
    return {name: int(floor) for name, floor in re.findall(r"set\(SKEP_FLOOR_(\w+)\s+(\d+)\)", text)}
