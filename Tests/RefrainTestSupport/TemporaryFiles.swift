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

/// Writes over a file as many bytes as it has, and sets the time of that back: nothing tells that a program can set.
public func writeOver(_ path: String, with bytes: [UInt8]) throws {
  var status = stat()
  guard stat(path, &status) == 0, Int(status.st_size) == bytes.count else { throw CocoaError(.fileReadUnknown) }
  // Long enough for the times of a file to differ.
  usleep(30_000)
  let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  try file.write(contentsOf: Data(bytes))
  try file.close()
  #if os(Linux)
    let times = [status.st_atim, status.st_mtim]
  #else
    let times = [status.st_atimespec, status.st_mtimespec]
  #endif
  guard utimensat(AT_FDCWD, path, times, 0) == 0 else { throw CocoaError(.fileWriteUnknown) }
}
