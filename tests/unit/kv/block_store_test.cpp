#include "sim/kv/block_store.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using kv::BlockStore;
using kv::EvictionOrder;

namespace {

const std::vector<std::uint64_t> kNoHistory;

/// Whole prompts one after the other: each looks, computes what is missing and ends. Blocks of 4 tokens.
class Shelf {
 public:
  explicit Shelf(std::uint32_t blocks, kv::PrefixCacheSpec spec = {}) : store_(blocks, spec) {}

  /// A prompt with a block a letter; gives how many blocks it found.
  std::uint32_t serve(const std::string& letters, std::int32_t priority = 0) {
    workloads::Request request{.id = RequestId{next_++},
                               .prompt_tokens = 4 * static_cast<std::uint32_t>(letters.size()),
                               .prefix = {.block_tokens = 4}};
    std::uint64_t chain = 1;
    for (const char c : letters) request.prefix.ids.push_back(chain = chain * 131 + static_cast<std::uint64_t>(c));
    const kv::BlockIds ids(request, kNoHistory, 4);
    const auto all = static_cast<std::uint32_t>(letters.size());
    const BlockStore::Match match = store_.match(ids, all);
    std::vector<std::uint32_t> held;
    store_.acquire(match.blocks, priority, held);
    store_.settle(store_.free_blocks() - (all - match.blocks));
    store_.name(ids, all, priority, held);
    store_.release(held, 0);
    return match.blocks;
  }
  BlockStore& store() { return store_; }

 private:
  BlockStore store_;
  std::uint32_t next_ = 0;
};

}  // namespace

TEST_CASE("block store: the least recently freed goes first and ends go before beginnings") {
  // 4 blocks. ab and cd fill it; ab is used again, so cd is older: e takes d, the end of cd; then ab is still whole.
  Shelf shelf(4);
  CHECK(shelf.serve("ab") == 0);
  CHECK(shelf.serve("cd") == 0);
  CHECK(shelf.serve("ab") == 2);
  CHECK(shelf.serve("e") == 0);
  CHECK(shelf.serve("cx") == 1);  // c is left; x takes the next oldest, the end of ab
  CHECK(shelf.serve("ab") == 1);
  CHECK(shelf.store().counts().evicted == 3);  // d, b, and for b again the one after: e
}

TEST_CASE("block store: a block that somebody uses is never taken") {
  BlockStore store(2, {});
  const workloads::Request request{.prompt_tokens = 8, .prefix = {.block_tokens = 4, .ids = {1, 2}}};
  const kv::BlockIds ids(request, kNoHistory, 4);
  std::vector<std::uint32_t> held;
  store.settle(0);
  store.name(ids, 2, 0, held);
  CHECK(store.match(ids, 2).blocks == 2);
  CHECK(store.match(ids, 2).idle == 0);
  CHECK(store.free_blocks() == 0);
  CHECK_THROWS_AS(store.settle(1), BugError);
  std::vector<std::uint32_t> other;
  store.acquire(1, 0, other);
  CHECK(store.release(held, 0) == 1);  // the first is still used by the other
  CHECK(store.match(ids, 2).idle == 1);
  CHECK(store.release(other, 0) == 1);
}

TEST_CASE("block store: of equal blocks the one named first is found and the other takes its place when it is gone") {
  // Two prompts compute the same block at the same time (neither had been composed when both looked).
  BlockStore store(3, {});
  const workloads::Request a{.id = RequestId{0}, .prompt_tokens = 4, .prefix = {.block_tokens = 4, .ids = {1}}};
  const kv::BlockIds ids(a, kNoHistory, 4);
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> second;
  store.settle(1);
  store.name(ids, 1, 0, first);
  store.name(ids, 1, 0, second);
  CHECK(store.release(first, 0) == 1);
  CHECK(store.match(ids, 1).idle == 1);  // the idle one is found, not the one in use
  store.settle(0);                       // takes the free one that was never used, then the idle one
  CHECK(store.match(ids, 1).blocks == 1);
  CHECK(store.match(ids, 1).idle == 0);
  CHECK(store.counts().evicted == 0);  // the content is still here
}

TEST_CASE("block store: the least often used goes first and equal ones in order of their freeing") {
  Shelf shelf(3, {.order = EvictionOrder::Lfu});
  shelf.serve("a");
  shelf.serve("a");
  shelf.serve("b");
  shelf.serve("c");
  CHECK(shelf.serve("d") == 0);  // b and c were used once, b is older
  CHECK(shelf.serve("a") == 1);
  CHECK(shelf.serve("c") == 1);
  CHECK(shelf.serve("b") == 0);
}

TEST_CASE("block store: blocks of urgent requests outlive those of others") {
  Shelf shelf(2, {.order = EvictionOrder::Priority});
  shelf.serve("a", -1);  // lower is more urgent
  shelf.serve("b", 5);
  CHECK(shelf.serve("c", 0) == 0);
  CHECK(shelf.serve("a", 0) == 1);
  CHECK(shelf.serve("b", 0) == 0);
}

TEST_CASE("block store: an idle block is forgotten after its time to live and not before") {
  Shelf shelf(4, {.ttl = SimTime{100}});
  shelf.store().set_time(SimTime{10});
  shelf.serve("ab");
  shelf.store().set_time(SimTime{109});
  CHECK(shelf.serve("a") == 1);  // 99 ns idle; used again, a lives on, b does not
  shelf.store().set_time(SimTime{110});
  CHECK(shelf.serve("ab") == 1);
  CHECK(shelf.store().counts().expired == 1);
  CHECK(shelf.store().counts().evicted == 0);
}

TEST_CASE("block store: names that outlive their time to live are expired, not evicted, whenever that is seen") {
  Shelf shelf(3, {.ttl = SimTime{100}});
  shelf.store().set_time(SimTime{10});
  shelf.serve("abc");
  SUBCASE("when their blocks are used again") {
    shelf.store().set_time(SimTime{110});
    shelf.store().mark();
    shelf.serve("de");  // takes c and b, the ends first
    CHECK(shelf.store().counts().expired == 2);
    CHECK(shelf.store().counts().evicted == 0);
  }
  SUBCASE("when they are used again before, they are evicted") {
    shelf.store().set_time(SimTime{109});
    shelf.store().mark();
    shelf.serve("de");
    CHECK(shelf.store().counts().expired == 0);
    CHECK(shelf.store().counts().evicted == 2);
  }
  SUBCASE("when nobody looks, at the end") {
    shelf.store().set_time(SimTime{109});
    shelf.store().expire();
    CHECK(shelf.store().counts().expired == 0);
    shelf.store().set_time(SimTime{110});
    shelf.store().expire();
    CHECK(shelf.store().counts().expired == 3);
  }
}

TEST_CASE("block store: a name that is given again behind its time to live has expired") {
  // a is looked up and forgotten, so nobody looks for b behind it; b gets its name anew.
  Shelf shelf(4, {.ttl = SimTime{100}});
  shelf.serve("ab");
  shelf.store().set_time(SimTime{100});
  CHECK(shelf.serve("ab") == 0);
  CHECK(shelf.store().counts().expired == 2);
}

TEST_CASE("block store: what is computed again soon after its eviction is counted") {
  Shelf shelf(2);
  shelf.serve("a");
  shelf.serve("b");
  shelf.serve("c");              // evicts a
  CHECK(shelf.serve("a") == 0);  // evicts b
  CHECK(shelf.store().counts().recomputed == 1);
  shelf.serve("d");              // evicts c
  shelf.serve("e");              // evicts a: the last two evicted are c and a
  CHECK(shelf.serve("b") == 0);  // longer ago than 2 evictions
  CHECK(shelf.store().counts().recomputed == 1);
}

TEST_CASE("block store: a time to live of nothing is refused") {
  CHECK_THROWS_WITH_AS(kv::validate({.ttl = SimTime{0}}), "ttl: must be longer than 0", SpecError);
  CHECK_NOTHROW(kv::validate({.ttl = SimTime{1}}));
}
