#include "skep/base/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace skep {
namespace {

EnvLookup env_of(std::map<std::string, std::string, std::less<>> vars) {
  return [vars = std::move(vars)](std::string_view name) -> std::optional<std::string> {
    auto at = vars.find(name);
    return at == vars.end() ? std::nullopt : std::optional(at->second);
  };
}

ConfigFile parse(std::string_view toml, EnvLookup env = env_of({})) {
  auto file = ConfigFile::parse(toml, "skep.toml", std::move(env));
  EXPECT_TRUE(file.has_value()) << (file ? "" : file.error().message);
  return file ? *file : ConfigFile::empty();
}

std::vector<std::string> shown(const ConfigFile& file) {
  std::vector<std::string> lines;
  for (const ConfigProblem& p : file.problems()) lines.push_back(p.where + ": " + p.message);
  return lines;
}
using Lines = std::vector<std::string>;

// What a room would read; every key has a default.
struct Server {
  std::string host = "localhost";
  int port = 1;
  bool tls = false;
  double factor = 1;
  std::size_t bytes_max = 10;
  std::chrono::milliseconds idle{5};
  std::string mode = "client";
  std::vector<std::string> admins;
  Secret password;
};

Server read_server(ConfigFile& file) {
  ConfigSection section = file.root().child("server");
  Server s;
  section.read("host", s.host);
  section.read("port", s.port, {.min = 1, .max = 65535});
  section.read("tls", s.tls);
  section.read("factor", s.factor);
  section.read("bytes_max", s.bytes_max);
  section.read_duration("idle", std::chrono::seconds(1), s.idle);
  section.read_choice("mode", {"client", "component"}, s.mode);
  section.read("admins", s.admins);
  section.read("password", s.password);
  return s;
}

TEST(Config, ReadsEveryKind) {
  ConfigFile file = parse(R"(
[server]
host = "h"
port = 5222
tls = true
factor = 2
bytes_max = 1_000
idle = 30
mode = "component"
admins = ["a@x", "${WHO}@x"]
password = "it's \"q\" $$5"
)",
                          env_of({{"WHO", "b"}}));
  Server s = read_server(file);
  EXPECT_EQ(shown(file), Lines{});
  EXPECT_EQ(s.host, "h");
  EXPECT_EQ(s.port, 5222);
  EXPECT_TRUE(s.tls);
  EXPECT_EQ(s.factor, 2.0);
  EXPECT_EQ(s.bytes_max, 1000u);
  EXPECT_EQ(s.idle, std::chrono::seconds(30));
  EXPECT_EQ(s.mode, "component");
  EXPECT_EQ(s.admins, (Lines{"a@x", "b@x"}));
  EXPECT_EQ(s.password.reveal(), "it's \"q\" $5");
}

TEST(Config, AbsentThingsLeaveDefaults) {
  for (ConfigFile file : {ConfigFile::empty(), parse(""), parse("[server]")}) {
    Server s = read_server(file);
    EXPECT_EQ(s.host, "localhost");
    EXPECT_EQ(s.port, 1);
    EXPECT_TRUE(s.password.empty());
    EXPECT_TRUE(file.root().list("rooms").empty());
    EXPECT_TRUE(file.root().child("x").child("y").child_names().empty());
    EXPECT_EQ(shown(file), Lines{});
  }
  EXPECT_TRUE(parse("[server]").root().child("server").present());
  EXPECT_FALSE(parse("").root().child("server").present());
}

TEST(Config, ProblemsTable) {
  struct Row {
    std::string toml;
    Lines problems;
  };
  for (
      const Row& row : {
          Row{"[server]\nport = \"x\"",
              {R"(skep.toml:2: [server] port: expected an integer, found a string "x")"}},
          {"[server]\nport = 70000",
           {"skep.toml:2: [server] port: expected 1 to 65535, found 70000"}},
          {"[server]\nbytes_max = -1",
           {"skep.toml:2: [server] bytes_max: expected at least 0, found -1"}},
          {"[server]\nidle = -1\nport = 99999999999",
           {"skep.toml:2: [server] idle: expected 0 to 3153600000, found -1",
            "skep.toml:3: [server] port: expected 1 to 65535, found 99999999999"}},
          {"[server]\nhots = \"x\"",
           {R"(skep.toml:2: [server] hots: unknown key; did you mean "host"?)"}},
          {"[server]\ncolour = 1", {"skep.toml:2: [server] colour: unknown key"}},
          {"[sever]\nhost = \"x\"",
           {"skep.toml:1: [sever]: unknown section; did you mean [server]?"}},
          {"prot = 1\n[zzz]\n[[yyyy]]",
           {"skep.toml:1: prot: unknown key", "skep.toml:2: [zzz]: unknown section",
            "skep.toml:3: [yyyy]: unknown section"}},
          {"server = 3", {"skep.toml:1: server: expected a table, found an integer 3"}},
          {"[server.host]\nx = 1",
           {"skep.toml:1: [server] host: expected a string, found a table"}},
          {"[server]\nhost = 1979-05-27",
           {"skep.toml:2: [server] host: expected a string, found a date or time"}},
          {"[server]\ntls = 1.5\nfactor = true",
           {"skep.toml:2: [server] tls: expected a boolean, found a float",
            "skep.toml:3: [server] factor: expected a float, found a boolean"}},
          {"[server]\nadmins = [\n \"a\",\n 3]",
           {"skep.toml:4: [server] admins: expected an array of strings, found an integer 3 in "
            "it"}},
          {"[server]\nmode = \"compnent\"",
           {R"(skep.toml:2: [server] mode: expected one of "client", "component", found "compnent"; did you mean "component"?)"}},
          {"[server]\npassword = 12345",
           {"skep.toml:2: [server] password: expected a string, found an integer"}},
          {"[server]\npassword = \"a\"\npassword_file = \"b\"",
           {"skep.toml:3: [server] password_file: give password or password_file, not both"}},
          {"[server]\nhost = \"${NOPE}\"",
           {"skep.toml:2: [server] host: environment variable NOPE is not set; set it, or give a "
            "default: "
            "${NAME:-default}"}},
          {"[server]\nhost = \"$x\"",
           {"skep.toml:2: [server] host: a lone $; write $$ for a dollar sign, ${NAME} for a "
            "variable"}},
      }) {
    ConfigFile file = parse(row.toml);
    Server s = read_server(file);
    EXPECT_EQ(shown(file), row.problems) << row.toml;
    EXPECT_EQ(s.port, 1);
    EXPECT_EQ(s.mode, "client");
    EXPECT_TRUE(s.admins.empty());
  }
}

TEST(Config, ProblemsComeInFileOrderAndOnce) {
  ConfigFile file = parse("[server]\nbad1 = 1\nport = \"x\"\nbad2 = 2");
  read_server(file);
  read_server(file);
  EXPECT_EQ(shown(file),
            (Lines{"skep.toml:2: [server] bad1: unknown key",
                   R"(skep.toml:3: [server] port: expected an integer, found a string "x")",
                   "skep.toml:4: [server] bad2: unknown key"}));
}

TEST(Config, OnlyReadKeysAreExpanded) {
  ConfigFile file = parse("[off]\nkey = \"${NOPE}\"\n[server]\nhost = \"${HOST:-h}\"");
  EXPECT_EQ(read_server(file).host, "h");
  EXPECT_EQ(shown(file), (Lines{"skep.toml:1: [off]: unknown section"}));
}

TEST(Config, ListsAndNamedChildren) {
  ConfigFile file = parse(
      "[[rooms]]\njid = \"a\"\n[[rooms]]\njdi = \"b\"\n[llm.agents.ann]\nmodel = "
      "\"m\"\n[llm.agents.bob]\n");
  std::vector<ConfigSection> rooms = file.root().list("rooms");
  ASSERT_EQ(rooms.size(), 2u);
  std::string jid;
  for (ConfigSection& room : rooms) room.read("jid", jid);
  EXPECT_EQ(rooms[1].path(), "rooms[1]");
  ConfigSection agents = file.root().child("llm").child("agents");
  EXPECT_EQ(agents.child_names(), (Lines{"ann", "bob"}));
  std::string model;
  for (const std::string& name : agents.child_names()) agents.child(name).read("model", model);
  EXPECT_EQ(model, "m");
  EXPECT_EQ(shown(file), Lines{R"(skep.toml:4: [rooms[1]] jdi: unknown key; did you mean "jid"?)"});
}

TEST(Config, RoomsReportTheirOwnProblems) {
  ConfigFile file = parse("\n[server]\nhost = \"h\"");
  ConfigSection server = file.root().child("server");
  std::string host;
  server.read("host", host);
  server.problem("host", "no such host");
  server.problem("password", "needed here");
  file.root().child("agent").problem("name", "needed");
  EXPECT_EQ(shown(file),
            (Lines{"skep.toml:2: [server] password: needed here",
                   "skep.toml:3: [server] host: no such host", "skep.toml: [agent] name: needed"}));
}

TEST(Config, BadTomlSaysWhere) {
  for (const auto& [toml, where] : {std::pair{"a = \n", "skep.toml:1:"},
                                    {"[x]\ny = 1\ny = 2", "skep.toml:3:"},
                                    {"\n[x", "skep.toml:2:"},
                                    {"a = 1\n[ ?]", "skep.toml:2:"},
                                    {"a = \"\xff\"", "skep.toml:1:"}}) {
    auto file = ConfigFile::parse(toml, "skep.toml", env_of({}));
    ASSERT_FALSE(file.has_value()) << toml;
    EXPECT_EQ(file.error().code, Code::kInvalid);
    EXPECT_TRUE(file.error().message.starts_with(where)) << file.error().message;
  }
}

TEST(Config, ControlCharactersAreRefusedWithTheirPlace) {
  EXPECT_EQ(
      ConfigFile::parse(std::string_view("a = 1\n[\0b]", 10), "x", env_of({})).error().message,
      "x:2:2: a control character (0x00) is not allowed");
  EXPECT_EQ(ConfigFile::parse("a = \"\x7f\"", "x", env_of({})).error().message,
            "x:1:6: a control character (0x7f) is not allowed");
}

TEST(Config, NestingAndSizeAreBounded) {
  std::string deep = "a = " + std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(ConfigFile::parse(deep, "x", env_of({})).error().code, Code::kInvalid);
  EXPECT_EQ(ConfigFile::parse(std::string((1u << 20) + 1, '\n'), "x", env_of({})).error().code,
            Code::kTooLarge);
}

class ConfigOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "skep-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir); }
  std::string write(std::string_view name, std::string_view text) {
    std::ofstream(dir / name) << text;
    return (dir / name).string();
  }
  std::filesystem::path dir;
};

TEST_F(ConfigOnDisk, LoadsAndNamesTheFile) {
  std::string path = write("skep.toml", "x = 1");
  auto file = ConfigFile::load(path, env_of({}));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(shown(*file), Lines{path + ":1: x: unknown key"});
  EXPECT_EQ(ConfigFile::load(path + "x").error().code, Code::kNotFound);
  EXPECT_EQ(ConfigFile::load(dir.string()).has_value(), false);
}

TEST_F(ConfigOnDisk, SecretComesFromItsFileTrimmed) {
  std::string path = write("pw", "  s3cret\n");
  ConfigFile file =
      parse("[server]\npassword_file = \"${DIR}/pw\"", env_of({{"DIR", dir.string()}}));
  EXPECT_EQ(read_server(file).password.reveal(), "s3cret");
  EXPECT_EQ(shown(file), Lines{});
}

TEST_F(ConfigOnDisk, MissingSecretFileIsAProblem) {
  ConfigFile file = parse("[server]\npassword_file = \"" + (dir / "no").string() + "\"");
  EXPECT_TRUE(read_server(file).password.empty());
  EXPECT_EQ(shown(file), Lines{"skep.toml:2: [server] password_file: reading " +
                               (dir / "no").string() + ": No such file or directory"});
}

TEST(ExpandEnv, Table) {
  EnvLookup env = env_of({{"A", "1"}, {"EMPTY", ""}, {"D", "${A}"}});
  for (const auto& [text, expected] : {std::pair{"", ""},
                                       {"plain", "plain"},
                                       {"${A}", "1"},
                                       {"x${A}y${A}", "x1y1"},
                                       {"$$", "$"},
                                       {"$${A}", "${A}"},
                                       {"${NO:-d}", "d"},
                                       {"${EMPTY:-d}", "d"},
                                       {"${NO:-}", ""},
                                       {"${NO:-a:-b}", "a:-b"},
                                       {"${A:-d}", "1"},
                                       {"${D}", "${A}"}}) {
    EXPECT_EQ(expand_env(text, env), std::string(expected)) << text;
  }
  for (const auto& [text, code] : {std::pair{"${NO}", Code::kNotFound},
                                   {"${EMPTY}", Code::kNotFound},
                                   {"$", Code::kInvalid},
                                   {"$A", Code::kInvalid},
                                   {"${A", Code::kInvalid},
                                   {"${}", Code::kInvalid},
                                   {"${1A}", Code::kInvalid},
                                   {"${A B}", Code::kInvalid},
                                   {"a$", Code::kInvalid}}) {
    EXPECT_EQ(expand_env(text, env).error().code, code) << text;
  }
  EXPECT_NE(expand_env("${NO}", env).error().message.find("NO"), std::string::npos);
}

}  // namespace
}  // namespace skep
