#include "sim/validate/layouts.hpp"

#include "sim/config/catalog.hpp"
#include "sim/config/read_models.hpp"

namespace tokenyard::validate {
namespace {

std::string part(const char* name, std::uint32_t value) {
  return value > 1 ? std::string(" ") + name + std::to_string(value) : "";
}

}  // namespace

std::string ReadLayout::text() const {
  std::string text = attention_data > 1 && tensor == 1 ? "" : " tp" + std::to_string(tensor);
  text += part("dp", attention_data) + part("pp", pipeline) + part("ep", expert);
  text.erase(0, 1);
  return instances > 1 ? std::to_string(instances) + " x " + text : text;
}

ReadLayout read_layout(const WrittenLayout& written, const models::LlmSpec& llm, Point& point) {
  ReadLayout layout{
      .instances = written.workers, .tensor = written.tp, .pipeline = written.pp, .attention_data = written.dp};
  if (!llm.moe) {
    if (written.dp > 1) point.read_as("data-parallel ranks of a dense model are read as independent copies");
    layout.instances = written.workers * written.dp;
    layout.attention_data = 1;
    return layout;
  }
  const std::uint32_t groups = written.moe_ep.value_or(1);
  const bool twice = groups > 1 && written.moe_tp == written.moe_ep && llm.name != "qwen3-235b-a22b";
  if (twice && (written.tp == groups * groups || written.dp == groups * groups)) {
    point.read_as("moe_tp = moe_ep = g and g*g in tp or attn_dp is read as g chips with g groups of experts");
    if (written.tp == groups * groups) layout.tensor = groups;
    if (written.dp == groups * groups) layout.attention_data = groups;
  }
  layout.expert = groups;
  return layout;
}

void set_layout(const ReadLayout& layout, const std::string& pool, Point& point) {
  const std::string at = "pools." + pool + ".";
  if (layout.instances > 1) point.set(at + "instances", layout.instances);
  point.set(at + "parallel.tensor", layout.tensor);
  if (layout.pipeline > 1) point.set(at + "parallel.pipeline", layout.pipeline);
  if (layout.attention_data > 1) point.set(at + "parallel.attention_data", layout.attention_data);
  if (layout.expert > 1) point.set(at + "parallel.expert", layout.expert);
}

const models::LlmSpec& Llms::entry(const std::string& name) {
  if (const auto found = read_.find(name); found != read_.end()) return found->second;
  const auto file = config::catalog_root() / "models/catalog/llms" / (name + ".yaml");
  return read_.emplace(name, config::read_llm(config::YamlMap::load(file, "llm"))).first->second;
}

}  // namespace tokenyard::validate
