#include "sim/kv/block_store.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

using namespace tokenyard;

namespace {

const std::vector<std::uint64_t> kNoHistory;

std::uint32_t in(std::uint32_t low, std::uint32_t high) { return *rc::gen::inRange(low, high + 1); }

/// vLLM's block pool in the plainest way: blocks with texts, searched one by one. Shares no code with BlockStore.
class NaivePool {
 public:
  explicit NaivePool(std::uint32_t blocks) : text_(blocks), users_(blocks), named_at_(blocks) {
    for (std::uint32_t i = 0; i < blocks; ++i) free_.push_back(i);
  }
  /// The block with this text that was named first.
  [[nodiscard]] int find(const std::string& text) const {
    int found = -1;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] != text || text.empty()) continue;
      if (found < 0 || named_at_[i] < named_at_[static_cast<std::size_t>(found)]) found = static_cast<int>(i);
    }
    return found;
  }
  [[nodiscard]] std::vector<std::uint32_t> hits(const std::string& prompt) const {
    std::vector<std::uint32_t> found;
    for (std::size_t n = 1; n <= prompt.size(); ++n) {
      const int block = find(prompt.substr(0, n));
      if (block < 0) break;
      found.push_back(static_cast<std::uint32_t>(block));
    }
    return found;
  }
  [[nodiscard]] std::uint32_t idle(const std::vector<std::uint32_t>& blocks) const {
    return static_cast<std::uint32_t>(
        std::count_if(blocks.begin(), blocks.end(), [&](std::uint32_t b) { return users_[b] == 0; }));
  }
  void use(std::uint32_t block) {
    if (users_[block]++ == 0) free_.erase(std::find(free_.begin(), free_.end(), block));
  }
  std::uint32_t take() {
    const std::uint32_t block = free_.front();
    free_.pop_front();
    text_[block].clear();
    users_[block] = 1;
    return block;
  }
  void name(std::uint32_t block, const std::string& text) {
    text_[block] = text;
    named_at_[block] = ++names_;
  }
  void give_back(const std::vector<std::uint32_t>& blocks) {
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
      if (--users_[*block] == 0) free_.push_back(*block);
    }
  }
  [[nodiscard]] std::uint32_t free() const { return static_cast<std::uint32_t>(free_.size()); }

 private:
  std::vector<std::string> text_;
  std::vector<std::uint32_t> users_;
  std::vector<std::uint64_t> named_at_;
  std::deque<std::uint32_t> free_;
  std::uint64_t names_ = 0;
};

/// Requests that overlap, played on both: `named` blocks have names, the `heap` behind them none.
class Both {
 public:
  explicit Both(std::uint32_t blocks) : store_(blocks, {}), naive_(blocks), free_(blocks) {}

  void start() {
    std::string prompt;
    for (std::uint32_t n = in(1, 6); n > 0; --n) prompt += static_cast<char>('a' + in(0, 1));
    const std::uint32_t heap = in(0, 2);
    workloads::Request& request =
        requests_.emplace_back(workloads::Request{.id = RequestId{next_++},
                                                  .prompt_tokens = 4 * static_cast<std::uint32_t>(prompt.size()),
                                                  .prefix = {.block_tokens = 4}});
    std::uint64_t chain = 1;
    for (const char c : prompt) request.prefix.ids.push_back(chain = chain * 131 + static_cast<std::uint64_t>(c));
    const kv::BlockIds ids(request, kNoHistory, 4);

    const auto cap = static_cast<std::uint32_t>(prompt.size()) - in(0, 1);  // the last block may be computed again
    store_.settle(free_);
    const kv::BlockStore::Match match = store_.match(ids, cap);
    const std::vector<std::uint32_t> hits = naive_.hits(prompt.substr(0, cap));
    RC_ASSERT(match.blocks == hits.size());
    RC_ASSERT(match.idle == naive_.idle(hits));
    const std::uint32_t fresh = static_cast<std::uint32_t>(prompt.size()) - match.blocks + heap;
    if (match.idle + fresh > free_) return;

    User& user = users_.emplace_back(User{.held = {}, .heap = heap, .naive = hits});
    store_.acquire(match.blocks, 0, user.held);
    free_ -= match.idle + fresh;
    if (in(0, 1) == 1 || fresh > heap) store_.settle(free_);
    store_.name(ids, static_cast<std::uint32_t>(prompt.size()), 0, user.held);
    for (const std::uint32_t block : hits) naive_.use(block);
    for (std::uint32_t i = 0; i < fresh; ++i) user.naive.push_back(naive_.take());
    for (std::size_t i = match.blocks; i < prompt.size(); ++i) naive_.name(user.naive[i], prompt.substr(0, i + 1));
    RC_ASSERT(free_ == naive_.free());
  }

  void end() {
    if (users_.empty()) return;
    const auto which = static_cast<std::ptrdiff_t>(in(0, static_cast<std::uint32_t>(users_.size()) - 1));
    User& user = users_[static_cast<std::size_t>(which)];
    store_.settle(free_);
    free_ += store_.release(user.held, user.heap);
    naive_.give_back(user.naive);
    users_.erase(users_.begin() + which);
    RC_ASSERT(free_ == naive_.free());
    RC_ASSERT(free_ == store_.free_blocks());
  }

 private:
  struct User {
    std::vector<std::uint32_t> held;
    std::uint32_t heap;
    std::vector<std::uint32_t> naive;
  };
  kv::BlockStore store_;
  NaivePool naive_;
  std::uint32_t free_;
  std::uint32_t next_ = 0;
  std::deque<workloads::Request> requests_;
  std::vector<User> users_;
};

}  // namespace

TEST_CASE("block store: finds and frees and evicts what the plainest pool of blocks does") {
  setenv("RC_PARAMS", "seed=11 max_success=300", 0);
  CHECK(rc::check("overlapping requests over few texts and few blocks", [] {
    Both both(in(6, 24));
    for (std::uint32_t i = 0; i < 120; ++i) {
      if (in(0, 9) < 6) {
        both.start();
      } else {
        both.end();
      }
    }
  }));
}
