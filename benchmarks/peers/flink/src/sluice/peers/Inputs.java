package sluice.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.FileSourceSplit;
import org.apache.flink.connector.file.src.assigners.FileSplitAssigner;
import org.apache.flink.connector.file.src.reader.SimpleStreamFormat;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.Path;

/** Sources over a folder's files, which are read in order of name: Flink's own assigners take any, and then events are late. */
final class Inputs {
  private Inputs() {}

  static FileSource<String> lines(String folder) {
    return FileSource.forRecordStreamFormat(new TextLineInputFormat(), new Path(folder))
        .setSplitAssigner(InOrder::new)
        .build();
  }

  static FileSource<Event> events(String folder) {
    return FileSource.forRecordStreamFormat(new EventFormat(), new Path(folder)).setSplitAssigner(InOrder::new).build();
  }

  private static final class InOrder implements FileSplitAssigner {
    private final List<FileSourceSplit> splits = new ArrayList<>();

    InOrder(Collection<FileSourceSplit> splits) {
      addSplits(splits);
    }

    @Override
    public Optional<FileSourceSplit> getNext(String host) {
      return splits.isEmpty() ? Optional.empty() : Optional.of(splits.remove(0));
    }

    @Override
    public void addSplits(Collection<FileSourceSplit> more) {
      splits.addAll(more);
      splits.sort(
          Comparator.comparing((FileSourceSplit split) -> split.path().toString())
              .thenComparingLong(FileSourceSplit::offset));
    }

    @Override
    public Collection<FileSourceSplit> remainingSplits() {
      return splits;
    }
  }

  /** What the Yahoo benchmark uses of an event. */
  public static final class Event {
    public String ad;
    public String type;
    public long time;
  }

  private static final JsonFactory JSON = new JsonFactory();

  /** Jackson's streaming parser on the file's bytes, no string for a line: NDJSON is a sequence of root values to it. */
  private static final class EventFormat extends SimpleStreamFormat<Event> {
    @Override
    public Reader<Event> createReader(Configuration config, FSDataInputStream stream) throws IOException {
      JsonParser parser = JSON.createParser((InputStream) stream);
      return new Reader<>() {
        @Override
        public Event read() throws IOException {
          Probe.read();
          if (parser.nextToken() != JsonToken.START_OBJECT) return null;
          Event event = new Event();
          for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            switch (name) {
              case "ad_id" -> event.ad = parser.nextTextValue();
              case "event_type" -> event.type = parser.nextTextValue();
              case "event_time" -> event.time = Long.parseLong(parser.nextTextValue());
              default -> {
                parser.nextToken();
                parser.skipChildren();
              }
            }
          }
          return event;
        }

        @Override
        public void close() throws IOException {
          parser.close();
        }
      };
    }

    @Override
    public TypeInformation<Event> getProducedType() {
      return Types.POJO(Event.class);
    }
  }
}
