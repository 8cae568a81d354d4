// Views by campaign and window of ten seconds, on one thread. ysb DATA FORM
//   simdjson   each field looked up by the on-demand parser; any JSON
//   in order   quotes found 64 bytes at a time; keys must come in the order of the data, which is verified on each line
#include "common.h"
#include <immintrin.h>
#include <map>
#include <string_view>
#include <unordered_map>
#ifdef WITH_SIMDJSON
#include <simdjson.h>
#endif

constexpr int WINDOWS = 1 << 16;

// Counts by campaign and window; windows are counted from that of the first event.
struct Counts {
  std::vector<std::string> campaigns;
  std::unordered_map<std::string_view, int> ads;
  std::vector<std::vector<uint64_t>> views;
  int64_t first = -1;
  std::string table;

  explicit Counts(const std::string& data) : table(text_of(data + "/ads.csv")) {
    std::unordered_map<std::string, int> numbers;
    for (size_t at = table.find('\n') + 1; at < table.size();) {
      size_t comma = table.find(',', at), end = table.find('\n', comma);
      std::string campaign = table.substr(comma + 1, end - comma - 1);
      auto [found, isNew] = numbers.emplace(campaign, (int)campaigns.size());
      if (isNew) campaigns.push_back(campaign);
      ads.emplace(std::string_view(table).substr(at, comma - at), found->second);
      at = end + 1;
    }
    views.resize(campaigns.size());
  }

  void add(std::string_view ad, int64_t time) {
    auto found = ads.find(ad);
    if (found == ads.end()) return;
    int64_t window = time / 10000;
    if (first < 0) first = window;
    if (window < first || window - first >= WINDOWS) fail("an event far from the first one");
    auto& row = views[found->second];
    if (row.size() <= size_t(window - first)) row.resize(window - first + 1);
    row[window - first]++;
  }

  bool is_right(const std::string& data) const {
    std::vector<std::string> lines;
    for (size_t c = 0; c < campaigns.size(); c++) {
      for (size_t w = 0; w < views[c].size(); w++) {
        if (views[c][w] == 0) continue;
        lines.push_back(campaigns[c] + "," + std::to_string((first + w) * 10000) + "," + std::to_string(views[c][w]) + "\n");
      }
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (auto& line : lines) text += line;
    return text == text_of(data + "/expected.csv");
  }
};

static int64_t number_at(const char* at, size_t length) {
  int64_t n = 0;
  for (size_t i = 0; i < length; i++) n = n * 10 + (at[i] - '0');
  return n;
}

#ifdef WITH_SIMDJSON
static uint64_t with_simdjson(const Mapped& file, Counts& counts) {
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document_stream events;
  if (parser.iterate_many(file.data, file.size, 1 << 20).get(events)) fail("simdjson");
  uint64_t records = 0;
  for (auto event : events) {
    // In the order in which they lie in the data: nothing is gone over twice.
    std::string_view ad, type, time;
    if (event["ad_id"].get(ad) || event["event_type"].get(type)) fail("a field is missing");
    if (type == "view") {
      if (event["event_time"].get(time)) fail("a field is missing");
      counts.add(ad, number_at(time.data(), time.size()));
    }
    records++;
  }
  return records;
}
#endif

static uint64_t quotes_in(const char* at) {
  const __m256i quote = _mm256_set1_epi8('"');
  uint32_t low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i*)at), quote));
  uint32_t high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i*)(at + 32)), quote));
  return low | (uint64_t)high << 32;
}

// A line has seven keys and seven values, so 28 quotes: field f begins behind quote 4 f + 2.
static uint64_t in_order(const Mapped& file, Counts& counts) {
  const char* end = file.data + file.size;
  uint64_t records = 0;
  uint32_t quotes[28 + 64];
  for (const char* line = file.data; line < end; records++) {
    int found = 0;
    uint32_t offset = 0;
    for (; found < 28 && line + offset < end; offset += 64) {
      for (uint64_t mask = quotes_in(line + offset); mask; mask &= mask - 1) quotes[found++] = offset + __builtin_ctzll(mask);
    }
    if (found < 28) fail("a line with too few quotes");
    auto key_is = [&](int field, const char* name, size_t length) {
      return quotes[4 * field + 1] - quotes[4 * field] - 1 == length && !memcmp(line + quotes[4 * field] + 1, name, length);
    };
    if (!key_is(2, "ad_id", 5) || !key_is(4, "event_type", 10) || !key_is(5, "event_time", 10)) fail("keys in another order");
    auto value = [&](int field) {
      uint32_t from = quotes[4 * field + 2] + 1;
      return std::string_view(line + from, quotes[4 * field + 3] - from);
    };
    if (value(4) == "view") {
      auto time = value(5);
      counts.add(value(2), number_at(time.data(), time.size()));
    }
    // Behind the last quote come `}` and the line's end.
    line += quotes[27] + 3;
  }
  return records;
}

int main(int argc, char** argv) {
  if (argc != 3) fail("ysb DATA FORM");
  std::string data = argv[1], form = argv[2];
  Timer timer;
  Counts counts(data);
  uint64_t records = 0;
  for (auto& path : files_in(data + "/input")) {
    Mapped file = map_file(path);
    if (form == "in order") records += in_order(file, counts);
#ifdef WITH_SIMDJSON
    else if (form == "simdjson") records += with_simdjson(file, counts);
#endif
    else fail("no form " + form);
    unmap(file);
  }
  timer.stop();
  bool ok = counts.is_right(data) && records == about_number(text_of(data + "/about.json"), "records");
  timer.print(form.c_str(), records, ok);
}
