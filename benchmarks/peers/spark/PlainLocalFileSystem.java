import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * Hadoop's local file system without permissions. Where its native library is missing, as in Spark's Python package, it
 * starts a `chmod` process for each file and folder it makes, some forty a batch: a batch then takes twice as long.
 */
public final class PlainLocalFileSystem extends LocalFileSystem {
  public PlainLocalFileSystem() {
    super(
        new RawLocalFileSystem() {
          @Override
          public void setPermission(Path path, FsPermission permission) {}

          @Override
          public void setOwner(Path path, String user, String group) {}
        });
  }
}
