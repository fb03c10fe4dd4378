import Foundation
import Testing

@Suite("The example programs run")
struct ProgramTests {
  @Test(
    "Each ends well and says what it found",
    arguments: [
      ("EveryStepClassifier", "On new sequences: loss"), ("StackedRegressor", "mean squared error"),
      ("SeriesWindows", "the month before, repeated: 51.78"), ("SequenceClassifier", "On new waves: loss"),
      ("ExplicitLoop", "epoch 20  loss"), ("FromScratch", "outputs after the step: differs"),
    ])
  func run(_ name: String, _ finding: String) throws {
    let process = Process()
    let executable: URL = try #require(Self.executable(name), "\(name) is not built")
    process.executableURL = executable
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    #expect(text.contains(finding))
  }

  /// A built program: it lies in the folder of the test bundle, or above it.
  private static func executable(_ name: String) -> URL? {
    let starts = ([Bundle.main.executablePath].compactMap { $0 } + CommandLine.arguments).filter { $0.contains("/") }
    for start in starts {
      var place = URL(fileURLWithPath: start).resolvingSymlinksInPath().deletingLastPathComponent()
      while place.path.count > 1 {
        let candidate = place.appendingPathComponent(name)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), !isFolder.boolValue {
          return candidate
        }
        place.deleteLastPathComponent()
      }
    }
    return nil
  }
}
