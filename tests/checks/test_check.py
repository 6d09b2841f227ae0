"""The checks find what they are for, in small trees made for it, and the function counter can count."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compiler  # noqa: E402
import includes  # noqa: E402
import limits    # noqa: E402

TREE = {
    "cmake/room.cmake": "set(SKEP_FLOOR_base 0)\nset(SKEP_FLOOR_net 1)\nset(SKEP_FLOOR_api 4)\n",
    "src/base/CMakeLists.txt": "skep_room(base SOURCES src/text.cc)\n",
    "src/base/include/skep/base/text.h": "#pragma once\n#include <string>\n",
    "src/base/src/text.cc": '#include "skep/base/text.h"\n',
    "src/net/CMakeLists.txt": "# USES api\nskep_room(net\n  SOURCES src/tcp.cc\n  USES base\n  LINKS OpenSSL::SSL)\n",
    "src/net/include/skep/net/tcp.h": "#pragma once\n",
    "src/net/src/tcp.cc": '#include <boost/asio.hpp>\n#include "skep/base/text.h"\n#include "skep/net/tcp.h"\n',
    "src/api/CMakeLists.txt": "skep_room(api SOURCES src/api.cc USES base net)\n",
    "src/api/src/api.cc": '#include "skep/net/tcp.h"\n',
}


class Includes(unittest.TestCase):
    def findings(self, *changes):
        tree = dict(TREE) | dict(zip(changes[::2], changes[1::2]))   # path, text, path, text …
        with tempfile.TemporaryDirectory(prefix="skep-checks-") as root:
            for path, text in tree.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                    out.write(text)
            subprocess.run(["git", "init", "-q", root], check=True)
            return [str(finding) for finding in includes.check(root)]

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(self.findings(), [])

    def test_a_room_that_is_not_named_may_not_be_included(self):
        found = self.findings("src/net/src/tcp.cc", '\n#include "skep/api/api.h"\n')
        self.assertEqual(len(found), 1)
        self.assertRegex(found[0], r"^src/net/src/tcp\.cc:2: includes skep/api/api\.h, but room net does not name api")

    def test_what_a_used_room_uses_must_be_named_too(self):
        found = self.findings("src/api/CMakeLists.txt", "skep_room(api SOURCES src/api.cc USES net)\n",
                              "src/api/src/api.cc", '#include "skep/base/text.h"\n')
        self.assertRegex(found[0], r"^src/api/src/api\.cc:1: .* does not name base")

    def test_tests_may_include_more(self):
        self.assertEqual(self.findings("src/net/tests/tcp_test.cc", '#include "skep/api/api.h"\n'), [])

    def test_a_lower_floor_may_not_use_a_higher_one(self):
        found = self.findings("src/net/CMakeLists.txt", "skep_room(net\n  SOURCES src/tcp.cc\n  USES base api)\n")
        self.assertEqual(found, ["src/net/CMakeLists.txt:3: room net (floor 1) may not use api (floor 4)"])

    def test_public_headers_stay_light(self):
        for header in ("boost/asio.hpp", "boost/beast/http.hpp", "spdlog/spdlog.h", "CLI/CLI.hpp", "toml++/toml.h", "regex",
                       "curl/curl.h", "sqlite3.h", "expat.h"):
            found = self.findings("src/net/include/skep/net/tcp.h", f"#pragma once\n# include <{header}>\n")
            self.assertEqual(found, [f"src/net/include/skep/net/tcp.h:2: a public header includes <{header}>; "
                                     "keep it in a .cc file"])


class Functions(unittest.TestCase):
    def check(self, text, *expected):
        self.assertEqual(limits.cpp_functions(text), list(expected), text)

    def test_plain_functions_members_and_tests(self):
        self.check("namespace a {\nint f() {\n  if (x) {\n  }\n}\nstruct B {\n  int g() const { return 1; }\n};\n}\n",
                   (2, 5), (7, 7))
        self.check("TEST(Jid, Works) {\n  auto l = [] {\n  };\n}\n", (1, 4))

    def test_templates_and_returned_structs(self):
        self.check("template <class T>\nauto f(T t) -> Task<T> {\n  t();\n}\n", (1, 4))
        self.check("struct stat f(int a) {\n}\n", (1, 2))

    def test_member_initialisers_belong_to_the_constructor(self):
        self.check("A::A(int a)\n    : a_{a}, b_{1} {\n  go();\n}\n", (1, 4))

    def test_braces_in_texts_and_comments_do_not_count(self):
        self.check('void f() {\n  a("{{{");  // {\n  b(\'{\', 1\'000, R"x({)x");  /* {\n */\n}\n', (1, 5))

    def test_tables_are_no_functions(self):
        self.check("constexpr int kTable[] = {\n  1,\n  2,\n};\n")


class CompileDatabase(unittest.TestCase):
    def test_the_precompiled_header_is_replaced_by_its_text(self):
        given = ["c++", "-Winvalid-pch", "-Xclang", "-include-pch", "-Xclang", "p.pch", "-Xclang", "-include", "-Xclang",
                 "p.hxx", "-c", "a.cc"]
        self.assertEqual(compiler.without_pch(given), ["c++", "-Xclang", "-include", "-Xclang", "p.hxx", "-c", "a.cc"])


if __name__ == "__main__":
    unittest.main()
