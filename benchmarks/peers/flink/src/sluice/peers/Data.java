package sluice.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A data set's folder: where the input lies, and what must come out. */
final class Data {
  private final Path folder;
  private final String about;

  Data(Path folder) throws IOException {
    this.folder = folder;
    about = Files.readString(folder.resolve("about.json"));
  }

  String input() {
    return folder.resolve("input").toUri().toString();
  }

  /** A number out of about.json, which is one flat object. */
  long number(String name) {
    Matcher found = Pattern.compile("\"" + name + "\":(\\d+)").matcher(about);
    if (!found.find()) throw new IllegalStateException("about.json has no " + name);
    return Long.parseLong(found.group(1));
  }

  Map<String, String> campaigns() throws IOException {
    Map<String, String> campaigns = new HashMap<>();
    List<String> lines = Files.readAllLines(folder.resolve("ads.csv"));
    for (String line : lines.subList(1, lines.size())) {
      int comma = line.indexOf(',');
      campaigns.put(line.substring(0, comma), line.substring(comma + 1));
    }
    return campaigns;
  }

  /** Of lines `key,count`; keys may hold commas. */
  Map<String, Long> expected() {
    try {
      Map<String, Long> expected = new HashMap<>();
      for (String line : Files.readAllLines(folder.resolve("expected.csv"))) {
        int comma = line.lastIndexOf(',');
        expected.put(line.substring(0, comma), Long.parseLong(line.substring(comma + 1)));
      }
      return expected;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Of clicks and views by user, by a plain loop over the input. */
  RunningSums runningSums() {
    Map<String, long[]> users = new HashMap<>();
    RunningSums sums = new RunningSums();
    try (Stream<Path> files = Files.list(folder.resolve("input"))) {
      for (Path file : files.sorted().toList()) {
        List<String> lines = Files.readAllLines(file);
        for (String line : lines.subList(1, lines.size())) {
          int comma = line.indexOf(',');
          long[] counts = users.computeIfAbsent(line.substring(0, comma), user -> new long[2]);
          counts[line.startsWith("click,", comma + 1) ? 0 : 1]++;
          sums.add(counts[0], counts[1]);
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return sums;
  }
}
