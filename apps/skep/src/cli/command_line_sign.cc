// skep agent keygen | sign | verify on the command line.
#include "command_line_parts.h"

namespace skep::cli {

void add_sign(CLI::App& agent, Options& options) {
  const auto add = [&](const char* verb, const char* help) {
    CLI::App* sub = agent.add_subcommand(verb, help);
    add_common(*sub, options);
    sub->callback([&options, verb] {
      options.command = Options::Command::kSign;
      options.verb = verb;
    });
    return sub;
  };
  const auto add_key = [&](CLI::App* sub) {
    sub->add_option("--key", options.sign.key,
                    "The private key, PEM (default: credentials/signing.key in the home)")
        ->type_name("FILE");
  };
  CLI::App* keygen = add("keygen", "Make a key that signs manifests");
  add_key(keygen);
  keygen->add_option("--name", options.name, "What its signer is called (default: ops)")
      ->type_name("NAME");
  CLI::App* sign = add("sign", "Sign a manifest: a last line says who vouches for it");
  sign->add_option("file", options.file, "An agent.toml")->required()->type_name("FILE");
  add_key(sign);
  sign->add_option("--days", options.sign.days, "How long it may be spawned (default: 365)")
      ->check(CLI::Range(1, 36'500))
      ->type_name("N");
  sign->add_option("--until", options.sign.until, "Or until then: 2027-11-30T00:00:00Z")
      ->type_name("TIME");
  sign->add_option("-o,--out", options.sign.out, "Write it there (default: FILE itself)")
      ->type_name("FILE");
  CLI::App* verify = add("verify", "Whether its signature counts here");
  verify->add_option("file", options.file, "An agent.toml")->required()->type_name("FILE");
  verify->add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
}

}  // namespace skep::cli
