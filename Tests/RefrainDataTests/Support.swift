import Foundation
import RefrainData
import Testing

/// Real series, in the folder `shared` beside the repository.
enum RealData {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../shared/data/series").standardizedFileURL
  static let isThere = FileManager.default.fileExists(atPath: path("airline-passengers.csv"))
  static let missing: Comment = "the folder ../shared/data/series is not there"

  static func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }
}

/// Runs `body` with a new folder and removes it afterwards.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "refrain-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path(percentEncoded: false))
}

/// The error that `body` throws.
func dataError<Result>(of body: () throws(DataError) -> Result, sourceLocation: SourceLocation = #_sourceLocation)
  -> DataError?
{
  do throws(DataError) {
    _ = try body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    return nil
  } catch {
    return error
  }
}

/// Numbers that look random and are the same every time (a linear congruential generator), evenly in −1...1.
func noise(_ count: Int, seed: UInt64 = 1) -> [Double] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) / Double(1 << 52) - 1
  }
}
