// What the C++ programs share: mapped files, times, expected figures, and the result line.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

// Scanners load whole vectors: they may read that far behind a file's end, where a page of zeros lies.
constexpr size_t PADDING = 4096;

struct Mapped {
  const char* data;
  size_t size;
  size_t reserved;
};

[[noreturn]] inline void fail(const std::string& what) {
  fprintf(stderr, "error: %s\n", what.c_str());
  exit(1);
}

inline Mapped map_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) != 0) fail("cannot read " + path);
  size_t size = about.st_size;
  size_t reserved = (size + 4095) / 4096 * 4096 + PADDING;
  char* base = (char*)mmap(nullptr, reserved, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (size > 0 && mmap(base, size, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED) fail("cannot map " + path);
  close(fd);
  return {base, size, reserved};
}

inline void unmap(const Mapped& file) { munmap((void*)file.data, file.reserved); }

inline std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  DIR* dir = opendir(folder.c_str());
  if (!dir) fail("no folder " + folder);
  while (dirent* entry = readdir(dir)) {
    if (entry->d_name[0] != '.') files.push_back(folder + "/" + entry->d_name);
  }
  closedir(dir);
  std::sort(files.begin(), files.end());
  return files;
}

inline std::string text_of(const std::string& path) {
  Mapped file = map_file(path);
  std::string text(file.data, file.size);
  unmap(file);
  return text;
}

// A number of about.json, which is one flat object.
inline uint64_t about_number(const std::string& about, const std::string& name) {
  size_t at = about.find("\"" + name + "\":");
  if (at == std::string::npos) fail("about.json has no " + name);
  return strtoull(about.c_str() + at + name.size() + 3, nullptr, 10);
}

inline double cpu_ms() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto ms = [](timeval t) { return t.tv_sec * 1e3 + t.tv_usec / 1e3; };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

inline double wall_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

class Timer {
  double wall = wall_ms();
  double cpu = cpu_ms();

 public:
  void stop() {
    wall = wall_ms() - wall;
    cpu = cpu_ms() - cpu;
  }
  void print(const char* form, uint64_t records, bool ok) const {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"system\":\"c++\",\"version\":\"%s\",\"form\":\"%s\",\"start\":\"cold\",\"threads\":1,\"records\":%lu,"
           "\"wallMs\":%.3f,\"cpuMs\":%.3f,\"rssMb\":%.1f,\"ok\":%s}\n",
           __VERSION__, form, (unsigned long)records, wall, cpu, usage.ru_maxrss / 1024.0, ok ? "true" : "false");
  }
};

inline uint64_t load8(const char* at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}
