// Clicks and views of each user, kept running, on one thread: an open-addressing table over the users' bytes.
// clicks DATA
#include "common.h"

struct User {
  uint32_t offset, length, hash, clicks, views;
};

class Users {
  std::vector<User> table = std::vector<User>(1 << 12);
  std::string names;

  void grow() {
    std::vector<User> old(table.size() * 4);
    old.swap(table);
    for (auto& user : old) {
      if (user.length == 0) continue;
      uint32_t slot = user.hash & (table.size() - 1);
      while (table[slot].length != 0) slot = (slot + 1) & (table.size() - 1);
      table[slot] = user;
    }
  }

 public:
  uint64_t size = 0;

  const std::vector<User>& all() const { return table; }

  User& find(const char* name, uint32_t length) {
    if (size * 2 > table.size()) grow();
    uint64_t hash = length;
    uint32_t at = 0;
    for (; at + 8 <= length; at += 8) {
      hash = (hash ^ load8(name + at)) * 0x9E3779B97F4A7C15ull;
      hash ^= hash >> 29;
    }
    if (at < length) hash = (hash ^ (load8(name + at) & ((1ull << 8 * (length - at)) - 1))) * 0x9E3779B97F4A7C15ull;
    hash ^= hash >> 32;
    for (uint32_t slot = hash & (table.size() - 1);; slot = (slot + 1) & (table.size() - 1)) {
      User& user = table[slot];
      if (user.length == 0) {
        user = {(uint32_t)names.size(), length, (uint32_t)hash, 0, 0};
        names.append(name, length);
        size++;
        return user;
      }
      if (user.hash == (uint32_t)hash && user.length == length && !memcmp(names.data() + user.offset, name, length)) return user;
    }
  }
};

int main(int argc, char** argv) {
  if (argc != 2) fail("clicks DATA");
  std::string data = argv[1], about = text_of(data + "/about.json");
  Timer timer;
  Users users;
  uint64_t records = 0, seen = 0;
  for (auto& path : files_in(data + "/input")) {
    Mapped file = map_file(path);
    const char* end = file.data + file.size;
    const char* at = (const char*)memchr(file.data, '\n', file.size) + 1;
    while (at < end) {
      const char* comma = (const char*)memchr(at, ',', end - at);
      User& user = users.find(at, comma - at);
      if (comma[1] == 'c') user.clicks++;
      else user.views++;
      // What a running count would give out.
      seen += user.clicks + user.views;
      records++;
      at = (const char*)memchr(comma, '\n', end - comma) + 1;
    }
    unmap(file);
  }
  timer.stop();
  uint64_t clicks = 0, views = 0;
  for (auto& user : users.all()) {
    clicks += user.clicks;
    views += user.views;
  }
  bool ok = users.size == about_number(about, "users") && clicks == about_number(about, "clicks") &&
            views == about_number(about, "views") && records == about_number(about, "records") && seen >= records;
  timer.print("hash table", records, ok);
}
