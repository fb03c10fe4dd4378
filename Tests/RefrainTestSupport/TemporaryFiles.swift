import Foundation

/// Runs `body` with the path of a new folder and removes the folder afterwards.
public func withTemporaryFolder(_ body: (_ path: String) throws -> Void) throws {
  let folder = temporaryPath()
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

/// A path of its own for a file that the test removes; it ends in `ending`.
public func temporaryPath(_ ending: String = "") -> String {
  FileManager.default.temporaryDirectory.appending(path: "refrain-\(UUID().uuidString)\(ending)")
    .path(percentEncoded: false)
}
