"""Who includes whom: a room's code sees only the rooms it names, and public headers stay light."""
import re

from house import ROOT, Finding, files, floors, read, rooms

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)

# Slow to compile, or another library's face: they belong in .cc files.
HEAVY = re.compile(
    r"boost/asio\.hpp|boost/asio/ssl.*|boost/beast.*|boost/regex.*|nlohmann/.*|simdjson.*|spdlog/.*|CLI/.*|CLI11.*"
    r"|toml\+\+/.*|toml\.hpp|valijson/.*|regex|curl/.*|sqlite3.*|expat.*|openssl/.*|libpq.*|pqxx/.*|gumbo\.h")


def check(root=ROOT):
    known, levels = rooms(root), floors(root)
    return [*_uses(known, levels), *_includes(known, root)]


def _uses(known, levels):
    for room in known.values():
        path = f"src/{room.name}/CMakeLists.txt"
        if room.name not in levels:
            yield Finding(path, 1, f"room {room.name} has no floor in cmake/room.cmake")
        for used in room.uses:
            if used not in levels:
                yield Finding(path, room.line, f"USES names {used}, which cmake/room.cmake does not know")
            elif levels[used] > levels.get(room.name, 0):
                yield Finding(path, room.line, f"room {room.name} (floor {levels[room.name]}) may not use {used} "
                                               f"(floor {levels[used]})")


def _includes(known, root):
    for path in files(root):
        parts = path.split("/")
        if parts[0] != "src" or len(parts) < 4 or parts[2] not in ("include", "src"):
            continue   # tests and benches may use more
        room = known.get(parts[1])
        text = read(path, root)
        for match in _INCLUDE.finditer(text):
            line, target = text.count("\n", 0, match.start(1)) + 1, match.group(1)
            if parts[2] == "include" and HEAVY.fullmatch(target):
                yield Finding(path, line, f"a public header includes <{target}>; keep it in a .cc file")
            if room is not None and target.startswith("skep/"):
                yield from _one(path, line, target, room)


def _one(path, line, target, room):
    used = target.split("/")[1]
    if used != room.name and used not in room.uses:
        yield Finding(path, line, f"includes {target}, but room {room.name} does not name {used} in the USES of its "
                                  "CMakeLists.txt")
