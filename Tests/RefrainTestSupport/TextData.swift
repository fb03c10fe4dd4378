import Foundation
import Testing

/// Real texts, in the folder `shared` beside the repository.
public enum TextData {
  private static let folder = Repository.root.appending(path: "../shared/data/text").standardizedFileURL
  /// Why tests on a file that is not there are skipped.
  public static let missing: Comment = "the file is not in the folder ../shared/data/text"

  /// The path of one of its files.
  public static func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }

  /// Whether a file is there.
  public static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}
