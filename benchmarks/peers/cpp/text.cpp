// Words counted, or lines that hold two letters, on one thread. text DATA FORM
//   words      byte by byte, any word
//   words16    16 bytes at a time; words of up to 15 bytes
//   grep       memmem over the file
//   grep simd  both letters and the line ends compared 32 bytes at a time
#include "common.h"
#include <immintrin.h>

constexpr uint32_t SLOTS = 1 << 18;
constexpr uint32_t MASK = SLOTS - 1;

struct Totals {
  uint64_t words = 0, matches = 0;
};

struct Word {
  const char* text;
  uint32_t length, hash;
  uint64_t count;
};

struct Word16 {
  __m128i text;
  uint64_t count, padding;
};

struct Words {
  std::vector<Word> table = std::vector<Word>(SLOTS);
  std::vector<Word16> table16 = std::vector<Word16>(SLOTS);
  // Words outlive the file that they were first seen in.
  std::vector<char> store = std::vector<char>(16 << 20);
  size_t stored = 0;

  void count(const char* text, uint32_t length, uint32_t hash) {
    for (uint32_t slot = (hash ^ hash >> 15) & MASK;; slot = (slot + 1) & MASK) {
      Word& word = table[slot];
      if (word.count == 0) {
        if (stored + length > store.size()) fail("too many distinct words");
        memcpy(&store[stored], text, length);
        word = {&store[stored], length, hash, 1};
        stored += length;
        return;
      }
      if (word.hash == hash && word.length == length && !memcmp(word.text, text, length)) {
        word.count++;
        return;
      }
    }
  }

  void count16(__m128i text) {
    uint64_t low = _mm_cvtsi128_si64(text), high = _mm_extract_epi64(text, 1);
    uint32_t slot = ((low ^ high * 0xC2B2AE3D27D4EB4Full) * 0x9E3779B97F4A7C15ull) >> 46;
    for (;; slot = (slot + 1) & MASK) {
      Word16& word = table16[slot];
      if (word.count == 0) word.text = text;
      if (_mm_movemask_epi8(_mm_cmpeq_epi8(word.text, text)) != 0xffff) continue;
      word.count++;
      return;
    }
  }
};

static uint64_t by_byte(const Mapped& file, Words& words) {
  uint64_t found = 0;
  const char* end = file.data + file.size;
  for (const char* at = file.data; at < end; at++) {
    const char* from = at;
    uint32_t hash = 2166136261u;
    for (; (unsigned char)*at > ' '; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
    if (at == from) continue;
    words.count(from, at - from, hash);
    found++;
  }
  return found;
}

static uint64_t by_16(const Mapped& file, Words& words) {
  alignas(16) static const uint8_t keep[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  const __m128i space = _mm_set1_epi8(' ' + 1);
  uint64_t found = 0;
  const char* end = file.data + file.size;
  for (const char* at = file.data; at < end;) {
    __m128i text = _mm_loadu_si128((const __m128i*)at);
    uint32_t ends = _mm_movemask_epi8(_mm_cmplt_epi8(text, space));
    if (ends == 0) fail("a word of more than 15 bytes");
    unsigned length = __builtin_ctz(ends);
    if (length > 0) {
      words.count16(_mm_and_si128(text, _mm_loadu_si128((const __m128i*)(keep + 16 - length))));
      found++;
    }
    at += length + 1;
  }
  return found;
}

static uint64_t by_memmem(const Mapped& file) {
  uint64_t found = 0;
  const char *at = file.data, *end = file.data + file.size;
  while (at < end) {
    const char* match = (const char*)memmem(at, end - at, "zq", 2);
    if (!match) break;
    found++;
    const char* next = (const char*)memchr(match, '\n', end - match);
    if (!next) break;
    at = next + 1;
  }
  return found;
}

static uint64_t by_32(const Mapped& file) {
  const __m256i z = _mm256_set1_epi8('z'), q = _mm256_set1_epi8('q'), line_end = _mm256_set1_epi8('\n');
  uint64_t found = 0;
  bool in_line = false;
  const char* end = file.data + file.size;
  for (const char* at = file.data; at < end; at += 32) {
    __m256i here = _mm256_loadu_si256((const __m256i*)at), next = _mm256_loadu_si256((const __m256i*)(at + 1));
    uint32_t matches = _mm256_movemask_epi8(_mm256_and_si256(_mm256_cmpeq_epi8(here, z), _mm256_cmpeq_epi8(next, q)));
    uint32_t ends = _mm256_movemask_epi8(_mm256_cmpeq_epi8(here, line_end));
    if (matches == 0) {
      // A line that matched before ends here, or goes on.
      if (ends) in_line = false;
      continue;
    }
    for (uint32_t both = matches | ends; both; both &= both - 1) {
      uint32_t bit = both & -both;
      if (ends & bit) in_line = false;
      else if (!in_line) {
        found++;
        in_line = true;
      }
    }
  }
  return found;
}

static bool right_counts(const Words& words, const std::string& data, const std::string& form) {
  std::vector<std::string> got, expected;
  auto add = [&](const std::string& word, uint64_t n) { got.push_back(word + "," + std::to_string(n)); };
  for (auto& word : words.table) {
    if (form == "words" && word.count > 0) add(std::string(word.text, word.length), word.count);
  }
  for (auto& word : words.table16) {
    if (form == "words16" && word.count > 0) add(std::string((const char*)&word.text, strnlen((const char*)&word.text, 16)), word.count);
  }
  std::string text = text_of(data + "/expected.csv");
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) expected.push_back(text.substr(at, text.find('\n', at) - at));
  std::sort(got.begin(), got.end());
  std::sort(expected.begin(), expected.end());
  return got == expected;
}

int main(int argc, char** argv) {
  if (argc != 3) fail("text DATA FORM");
  std::string data = argv[1], form = argv[2], about = text_of(data + "/about.json");
  bool is_grep = form.rfind("grep", 0) == 0;
  Words words;
  Totals totals;
  Timer timer;
  for (auto& path : files_in(data + "/input")) {
    Mapped file = map_file(path);
    if (form == "words") totals.words += by_byte(file, words);
    else if (form == "words16") totals.words += by_16(file, words);
    else if (form == "grep") totals.matches += by_memmem(file);
    else if (form == "grep simd") totals.matches += by_32(file);
    else fail("no form " + form);
    unmap(file);
  }
  timer.stop();
  bool ok = is_grep ? totals.matches == about_number(about, "matches")
                    : totals.words == about_number(about, "records") && right_counts(words, data, form);
  timer.print(form.c_str(), about_number(about, is_grep ? "lines" : "records"), ok);
}
