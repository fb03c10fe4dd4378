import Foundation
import Testing

/// Real series, in the folder `shared` beside the repository.
public enum RealData {
  /// Where they are.
  public static let folder = Repository.root.appending(path: "../shared/data/series").standardizedFileURL
  /// Whether the folder is there; tests that need it are skipped where it is not.
  public static let isThere = FileManager.default.fileExists(atPath: path("airline-passengers.csv"))
  /// Why such tests are skipped.
  public static let missing: Comment = "the folder ../shared/data/series is not there"

  /// The path of one of its files.
  public static func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }
}
