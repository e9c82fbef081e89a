// Boost.Interprocess as a peer: a managed segment with a mutex and a hash map in it.
//
// One row a call; the contract is in the documentation of mmf-bench-peers.
#include <boost/date_time/posix_time/posix_time_types.hpp>
#include <boost/functional/hash.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/unordered_map.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace ipc = boost::interprocess;
using Clock = std::chrono::steady_clock;
using Name = std::array<char, 16>;
using Lock = ipc::scoped_lock<ipc::interprocess_mutex>;

constexpr std::size_t kHot = 16;
constexpr std::size_t kMany = 64;
constexpr std::size_t kLarge = std::size_t{16} << 20;
constexpr std::size_t kChunk = 64;
constexpr std::size_t kSequence = 1'000'000;

struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// 16 digits, different for each index, that have no order.
Name name_of(std::uint64_t index) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(index * 0x9E3779B97F4A7C15ULL));
    Name name;
    std::memcpy(name.data(), text, name.size());
    return name;
}

// A value that is its number again and again: parts of two never make a third.
void fill(char *value, std::size_t length, std::uint64_t number) {
    for (std::size_t at = 0; at < length; at += 8) std::memcpy(value + at, &number, 8);
}

std::uint64_t number_of(const std::string &value, std::size_t length) {
    std::uint64_t first = 0, word = 0;
    if (value.size() != length) throw Wrong("a value of another length was read");
    std::memcpy(&first, value.data(), 8);
    for (std::size_t at = 8; at < length; at += 8) {
        std::memcpy(&word, value.data() + at, 8);
        if (word != first) throw Wrong("a torn value was read");
    }
    return first;
}

struct NameHash {
    std::size_t operator()(const Name &name) const {
        return boost::hash_range(name.begin(), name.end());
    }
};

using Manager = ipc::managed_shared_memory::segment_manager;
using Bytes = ipc::basic_string<char, std::char_traits<char>, ipc::allocator<char, Manager>>;
using Entry = std::pair<const Name, Bytes>;
using Entries = boost::unordered_map<Name, Bytes, NameHash, std::equal_to<Name>,
                                     ipc::allocator<Entry, Manager>>;

// What processes share: a map, a counter, and two messages, each with what guards it.
struct Shared {
    explicit Shared(Manager *manager) : entries(manager) {}
    ipc::interprocess_mutex mutex;
    Entries entries;
    ipc::interprocess_mutex counter_mutex;
    std::uint64_t counter = 0;
    ipc::interprocess_mutex way_mutex;
    ipc::interprocess_condition changed[2];
    std::uint64_t way[2] = {0, 0};
};

// A value that has a name of its own in the segment.
struct Named {
    ipc::interprocess_mutex mutex;
    char value[kHot];
};

class Store {
  public:
    Store(bool creates, const std::string &name, std::size_t bytes)
        : segment_(creates ? ipc::managed_shared_memory(ipc::create_only, name.c_str(), bytes)
                           : ipc::managed_shared_memory(ipc::open_only, name.c_str())) {
        shared_ = creates ? segment_.construct<Shared>("shared")(segment_.get_segment_manager())
                          : segment_.find<Shared>("shared").first;
        if (shared_ == nullptr) throw std::runtime_error("the segment has no map");
    }

    void set(const Name &name, const char *value, std::size_t length) {
        Lock lock(shared_->mutex);
        auto found = shared_->entries.find(name);
        if (found == shared_->entries.end()) {
            Bytes bytes(value, length, segment_.get_segment_manager());
            shared_->entries.emplace(name, std::move(bytes));
        } else {
            found->second.assign(value, length);
        }
    }

    bool get(const Name &name, std::string &value) {
        Lock lock(shared_->mutex);
        auto found = shared_->entries.find(name);
        if (found == shared_->entries.end()) return false;
        value.assign(found->second.data(), found->second.size());
        return true;
    }

    Shared &shared() { return *shared_; }
    ipc::managed_shared_memory &segment() { return segment_; }

  private:
    ipc::managed_shared_memory segment_;
    Shared *shared_;
};

struct Run {
    std::map<std::string, std::string> arguments;
    bool is_first() const { return arguments.at("role") == "first"; }
    double sample() const { return std::stod(arguments.at("sample_seconds")); }
    std::size_t samples() const { return std::stoul(arguments.at("samples")); }
    std::string segment() const {
        const std::string &path = arguments.at("directory");
        return path.substr(path.rfind('/') + 1) + "_boost";
    }
    Store store(std::size_t count, std::size_t length) const {
        std::size_t bytes = (std::size_t{1} << 20) + count * (length + 320);
        return Store(is_first(), segment(), bytes + 2 * length);
    }
};

void say(const std::string &line) { std::cout << line << std::endl; }

void listen_for(const std::string &expected) {
    std::string word;
    std::getline(std::cin, word);
    if (word != expected) throw std::runtime_error("the bench did not say " + expected);
}

void ready() {
    say("{\"ready\": true}");
    listen_for("go");
}

void done() {
    say("{\"done\": true}");
    listen_for("end");
}

void report(const std::string &measure, const std::string &unit, const std::vector<double> &samples,
            const std::string &more = "") {
    std::ostringstream line;
    line.precision(12);
    line << "{\"measure\": \"" << measure << "\", \"unit\": \"" << unit << "\", \"samples\": [";
    for (std::size_t at = 0; at < samples.size(); ++at) line << (at ? ", " : "") << samples[at];
    line << "]" << more << "}";
    say(line.str());
}

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Nanoseconds of one operation, one figure a sample; `work` does a number of them.
template <typename Work> std::vector<double> measure(const Run &run, Work work) {
    std::size_t count = 1;
    double took = work(count);
    while (took < run.sample() / 20 && count < std::size_t{1} << 30) {
        count *= 4;
        took = work(count);
    }
    count = std::max<std::size_t>(1, static_cast<std::size_t>(count * run.sample() / took));
    std::vector<double> samples;
    for (std::size_t at = 0; at < run.samples(); ++at) samples.push_back(work(count) * 1e9 / count);
    return samples;
}

// Operations in a second, one figure a sample.
template <typename Work> std::vector<double> rates(const Run &run, Work work) {
    std::vector<double> rates;
    for (std::size_t at = 0; at < run.samples(); ++at) {
        auto begin = Clock::now();
        double took = 0;
        std::size_t operations = 0;
        while (took < run.sample()) {
            for (std::size_t step = 0; step < kChunk; ++step) work();
            operations += kChunk;
            took = seconds_since(begin);
        }
        rates.push_back(operations / took);
    }
    return rates;
}

void check(std::uint64_t seen, std::uint64_t expected, const char *what) {
    if (seen != expected) {
        throw Wrong(std::string(what) + ": " + std::to_string(seen) + " was read instead of " +
                    std::to_string(expected));
    }
}

void hot_named(const Run &run, Store &store) {
    auto &segment = store.segment();
    segment.construct<Named>("named0123456789")();
    const char *const name = "named0123456789";
    char value[kHot];
    std::uint64_t number = 0;
    auto sets = measure(run, [&](std::size_t count) {
        auto begin = Clock::now();
        for (std::size_t step = 0; step < count; ++step) {
            fill(value, kHot, ++number);
            Named *named = segment.find<Named>(name).first;
            Lock lock(named->mutex);
            std::memcpy(named->value, value, kHot);
        }
        return seconds_since(begin);
    });
    auto gets = measure(run, [&](std::size_t count) {
        auto begin = Clock::now();
        std::string seen;
        for (std::size_t step = 0; step < count; ++step) {
            Named *named = segment.find<Named>(name).first;
            Lock lock(named->mutex);
            seen.assign(named->value, kHot);
            if (number_of(seen, kHot) != number) throw Wrong("a named value is another one");
        }
        return seconds_since(begin);
    });
    const std::string variant = ", \"variant\": \"named object\"";
    report("get_hot", "ns", gets, variant);
    report("set_hot", "ns", sets, variant);
}

void hot(const Run &run) {
    Store store = run.store(10, kHot);
    const Name name = name_of(1);
    char value[kHot];
    std::uint64_t number = 0;
    fill(value, kHot, number);
    store.set(name, value, kHot);
    ready();
    std::string seen;
    auto sets = measure(run, [&](std::size_t count) {
        auto begin = Clock::now();
        for (std::size_t step = 0; step < count; ++step) {
            fill(value, kHot, ++number);
            store.set(name, value, kHot);
        }
        return seconds_since(begin);
    });
    auto gets = measure(run, [&](std::size_t count) {
        auto begin = Clock::now();
        for (std::size_t step = 0; step < count; ++step) {
            if (!store.get(name, seen)) throw Wrong("a hot variable is gone");
            if (number_of(seen, kHot) != number) throw Wrong("a hot variable is another one");
        }
        return seconds_since(begin);
    });
    report("get_hot", "ns", gets);
    report("set_hot", "ns", sets);
    hot_named(run, store);
    done();
}

// Names without a pattern that lie one beside the next.
struct Walk {
    std::vector<std::pair<std::uint64_t, Name>> stops;
    std::size_t next = 0;
    explicit Walk(std::uint64_t count) {
        std::uint64_t state = 1;
        for (std::size_t at = 0; at < kSequence; ++at) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            std::uint64_t index = (state >> 33) % count;
            stops.emplace_back(index, name_of(index));
        }
    }
    const std::pair<std::uint64_t, Name> &step() {
        const auto &stop = stops[next];
        next = next + 1 == stops.size() ? 0 : next + 1;
        return stop;
    }
};

std::uint64_t fill_all(const Run &run, Store &store, std::uint64_t count) {
    auto begin = Clock::now();
    const double limit = std::stod(run.arguments.at("fill_seconds"));
    char value[kMany];
    for (std::uint64_t index = 0; index < count; ++index) {
        fill(value, kMany, index);
        store.set(name_of(index), value, kMany);
        if (index % 1000 == 999 && seconds_since(begin) > limit) return index + 1;
    }
    return count;
}

void attach(const Run &run) {
    ready();
    std::vector<double> samples;
    std::string seen;
    for (std::size_t at = 0; at < run.samples(); ++at) {
        auto begin = Clock::now();
        Store store = run.store(0, kMany);
        bool is_there = store.get(name_of(0), seen);
        samples.push_back(seconds_since(begin) * 1e9);
        if (!is_there) throw Wrong("the first variable is not there after attaching");
        number_of(seen, kMany);
    }
    report("attach", "ns", samples);
    done();
}

void random_access(const Run &run) {
    if (!run.is_first()) return attach(run);
    std::uint64_t count = std::stoull(run.arguments.at("count"));
    Store store = run.store(count, kMany);
    count = fill_all(run, store, count);
    Walk walk(count);
    ready();
    const std::string counted = ", \"count\": " + std::to_string(count);
    auto &segment = store.segment();
    double used = segment.get_size() - segment.get_free_memory();
    report("memory", "bytes", {used / count}, counted);
    std::string seen;
    auto gets = measure(run, [&](std::size_t wanted) {
        auto begin = Clock::now();
        for (std::size_t step = 0; step < wanted; ++step) {
            const auto &stop = walk.step();
            if (!store.get(stop.second, seen)) throw Wrong("a variable is gone");
            if (number_of(seen, kMany) != stop.first) throw Wrong("a variable is another one");
        }
        return seconds_since(begin);
    });
    std::uint64_t round = std::uint64_t{1} << 40;
    char value[kMany];
    auto sets = measure(run, [&](std::size_t wanted) {
        auto begin = Clock::now();
        const Name *last = nullptr;
        for (std::size_t step = 0; step < wanted; ++step) {
            fill(value, kMany, ++round);
            last = &walk.step().second;
            store.set(*last, value, kMany);
        }
        double took = seconds_since(begin);
        if (!store.get(*last, seen)) throw Wrong("a variable that was set is gone");
        check(number_of(seen, kMany), round, "a variable that was set");
        return took;
    });
    report("get_random", "ns", gets, counted);
    report("set_random", "ns", sets, counted);
    done();
}

void pair(const Run &run) {
    Store store = run.store(10, kHot);
    const Name name = name_of(1);
    std::uint64_t number = 0;
    char value[kHot];
    std::string seen;
    fill(value, kHot, number);
    if (run.is_first()) store.set(name, value, kHot);
    ready();
    if (run.is_first()) {
        report("writer", "per_second", rates(run, [&] {
                   fill(value, kHot, ++number);
                   store.set(name, value, kHot);
               }));
    } else {
        report("reader", "per_second", rates(run, [&] {
                   if (!store.get(name, seen)) throw Wrong("a variable is gone");
                   std::uint64_t now = number_of(seen, kHot);
                   if (now < number) throw Wrong("an older value was read after a newer one");
                   number = now;
               }));
    }
    done();
}

void large(const Run &run) {
    Store store = run.store(4, kLarge);
    const Name name = name_of(1);
    std::string values[2] = {std::string(kLarge, ' '), std::string(kLarge, ' ')};
    for (std::size_t at = 0; at < 2; ++at) fill(&values[at][0], kLarge, at + 1);
    std::string seen;
    std::uint64_t round = 0;
    ready();
    auto sets = measure(run, [&](std::size_t count) {
        auto begin = Clock::now();
        for (std::size_t step = 0; step < count; ++step) {
            store.set(name, values[++round % 2].data(), kLarge);
        }
        return seconds_since(begin);
    });
    auto gets = measure(run, [&](std::size_t count) {
        auto begin = Clock::now();
        for (std::size_t step = 0; step < count; ++step) store.get(name, seen);
        double took = seconds_since(begin);
        check(number_of(seen, kLarge), round % 2 + 1, "16 MiB");
        return took;
    });
    const std::string size = ", \"size\": " + std::to_string(kLarge);
    report("large_set", "ns", sets, size);
    report("large_get", "ns", gets, size);
    done();
}

void send(Shared &shared, int way, std::uint64_t number) {
    Lock lock(shared.way_mutex);
    shared.way[way] = number;
    shared.changed[way].notify_one();
}

std::uint64_t receive(Shared &shared, int way, std::uint64_t last) {
    auto limit = boost::posix_time::microsec_clock::universal_time() + boost::posix_time::seconds(10);
    Lock lock(shared.way_mutex);
    while (shared.way[way] == last) {
        if (!shared.changed[way].timed_wait(lock, limit)) {
            throw Wrong("nothing has come within 10 s");
        }
    }
    return shared.way[way];
}

void round_trip(const Run &run) {
    Store store = run.store(10, kHot);
    Shared &shared = store.shared();
    constexpr std::uint64_t stop = ~std::uint64_t{0};
    std::uint64_t number = 0;
    ready();
    if (run.is_first()) {
        auto turns = measure(run, [&](std::size_t count) {
            auto begin = Clock::now();
            for (std::size_t step = 0; step < count; ++step) {
                send(shared, 0, ++number);
                check(receive(shared, 1, number - 1), number, "the echo");
            }
            return seconds_since(begin);
        });
        send(shared, 0, stop);
        report("round_trip", "ns", turns);
    } else {
        while ((number = receive(shared, 0, number)) != stop) send(shared, 1, number);
    }
    done();
}

void counter(const Run &run) {
    Store store = run.store(10, kHot);
    Shared &shared = store.shared();
    double adds = 0;
    ready();
    auto samples = rates(run, [&] {
        Lock lock(shared.counter_mutex);
        ++shared.counter;
        ++adds;
    });
    report("counter", "per_second", samples);
    report("counter_adds", "count", {adds});
    done();
    if (run.is_first()) report("counter_total", "count", {static_cast<double>(shared.counter)});
}

int main(int argc, char **argv) {
    Run run;
    for (int at = 1; at < argc; ++at) {
        std::string text = argv[at];
        auto cut = text.find('=');
        if (cut != std::string::npos) run.arguments[text.substr(0, cut)] = text.substr(cut + 1);
    }
    const std::map<std::string, std::function<void(const Run &)>> rows = {
        {"hot", hot},     {"random", random_access},   {"pair", pair},
        {"large", large}, {"round-trip", round_trip}, {"counter", counter},
    };
    int code = 0;
    try {
        rows.at(run.arguments.at("row"))(run);
    } catch (const Wrong &wrong) {
        say(std::string("{\"wrong\": \"") + wrong.what() + "\"}");
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        code = 1;
    }
    if (run.arguments["role"] == "first") {
        ipc::shared_memory_object::remove(run.segment().c_str());
    }
    return code;
}
