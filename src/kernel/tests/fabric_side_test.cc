#include "skep/kernel/fabric_side.h"

#include <gtest/gtest.h>

#include <fstream>

#include "skep/fabric/view.h"
#include "skep/kernel/kernel.h"
#include "temp_home.h"

namespace skep::kernel {
namespace {

KernelConfig demo_config(const std::string& home) {
  ConfigFile file = ConfigFile::parse("[llm]\nprovider = \"demo\"\n", "test.toml").value();
  return KernelConfig::read(file, home);
}

// Opens, lets `look` see the home, closes.
Task<Result<json::object>> open_look_close(Loop* loop, KernelConfig config, bool networks,
                                           fabric::View* seen) {
  const std::string directory = fabric_directory(config.home);
  KernelOptions options{.networks = networks, .fatal = {}};
  SKEP_CO_TRY(auto kernel, co_await Kernel::open(*loop, std::move(config), std::move(options)));
  *seen = fabric::read_view(directory);
  json::object status = kernel->status();
  const Ctx ctx;
  const Ctx bounded = ctx.within(std::chrono::seconds(5));
  co_await kernel->close(bounded);
  co_return status;
}

TEST(FabricSide, TheDaemonListensAndShowsItself) {
  const TempHome home;
  Loop loop;
  fabric::View seen;
  auto status = loop.run(open_look_close(&loop, demo_config(home.path()), true, &seen));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(status->contains("fabric"));
  ASSERT_EQ(seen.routers.size(), 1u);
  EXPECT_EQ(seen.routers[0].region.router_name.str(), "RT.main@local");
  EXPECT_EQ(seen.routers[0].region.nodes.size(), 4u);  // agent, web channel, SY.config, WF.jobs
  EXPECT_TRUE(fabric::read_view(fabric_directory(home.path())).routers.empty());
}

TEST(FabricSide, WithoutNetworksThereAreNoSockets) {
  const TempHome home;
  Loop loop;
  fabric::View seen;
  auto status = loop.run(open_look_close(&loop, demo_config(home.path()), false, &seen));
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->contains("fabric"));
  EXPECT_TRUE(seen.routers.empty());
  EXPECT_FALSE(std::filesystem::exists(fabric_directory(home.path())));
}

TEST(FabricSide, WithoutItsFilesTheDaemonStillStarts) {
  const TempHome home;
  std::filesystem::create_directories(home.path() + "/run");
  std::ofstream(fabric_directory(home.path())) << "in the way";
  Loop loop;
  fabric::View seen;
  auto status = loop.run(open_look_close(&loop, demo_config(home.path()), true, &seen));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_FALSE(status->contains("fabric"));
}

TEST(FabricSide, SocketFalseMeansNone) {
  const TempHome home;
  Loop loop;
  fabric::View seen;
  KernelConfig config = demo_config(home.path());
  config.fabric.socket = false;
  auto status = loop.run(open_look_close(&loop, std::move(config), true, &seen));
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->contains("fabric"));
}

TEST(FabricConfig, RefusesARouterNameThatIsNone) {
  for (const std::string name : {"AI.x", "main", "RT.a@b", ""}) {
    ConfigFile file =
        ConfigFile::parse("[fabric]\nrouter = \"" + name + "\"\n", "test.toml").value();
    (void)KernelConfig::read(file, "/tmp/none");
    EXPECT_EQ(file.problems().size(), 1u) << name;
  }
}

}  // namespace
}  // namespace skep::kernel
