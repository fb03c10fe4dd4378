import Foundation

/// The folder of the package.
public enum Repository {
  /// The root folder.
  public static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The path of a file, from the root.
  public static func path(_ name: String) -> String { root.appending(path: name).path(percentEncoded: false) }

  /// A text file, from the root; empty where there is none.
  public static func text(_ name: String) -> String {
    (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? ""
  }
}
