import Foundation
import RefrainData
import RefrainTestSupport
import Testing

/// What a run of the command left behind.
struct RunResult {
  var status: Int32
  var output: Data
  var errors: String

  var text: String { String(decoding: output, as: UTF8.self) }
  var errorLines: [Substring] { errors.split(separator: "\n") }
}

/// A folder of its own in which the built command runs; it is gone when the value is.
final class Workplace {
  let folder: URL

  init() throws {
    folder = URL(filePath: temporaryPath())
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func write(_ text: String, to name: String) throws { try write(Data(text.utf8), to: name) }
  func write(_ data: Data, to name: String) throws { try data.write(to: folder.appendingPathComponent(name)) }
  func read(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }
  var files: Set<String> {
    get throws { Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) }
  }

  /// Runs `refrain`, or another program, and waits for its end.
  ///
  /// - Parameter input: The name of a file for standard input; without it there is none.
  func run(
    _ arguments: [String], environment: [String: String] = [:], program: String = "refrain", input: String? = nil
  ) throws -> RunResult {
    try start(Self.executable(program), arguments, environment: environment, input: input).finish()
  }

  /// Runs a line of shell in which `$REFRAIN` is the command.
  func shell(_ line: String) throws -> RunResult {
    let path = try Self.executable("refrain").path
    return try start(URL(fileURLWithPath: "/bin/sh"), ["-c", line], environment: ["REFRAIN": path]).finish()
  }

  /// Starts `refrain`.
  func start(_ arguments: [String], program: String = "refrain") throws -> Running {
    try start(Self.executable(program), arguments, environment: [:])
  }

  private func start(
    _ executable: URL, _ arguments: [String], environment: [String: String], input: String? = nil
  ) throws -> Running {
    // Streams go to files: a pipe could fill up while nobody reads it.
    let streams = URL(filePath: temporaryPath())
    try FileManager.default.createDirectory(at: streams, withIntermediateDirectories: true)
    let running = Running(process: Process(), streams: streams)
    for name in ["output", "errors"] { try Data().write(to: streams.appendingPathComponent(name)) }
    let process = running.process
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput =
      try input.map { try FileHandle(forReadingFrom: folder.appendingPathComponent($0)) } ?? FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: streams.appendingPathComponent("output"))
    process.standardError = try FileHandle(forWritingTo: streams.appendingPathComponent("errors"))
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    try process.run()
    return running
  }

  /// The built command: it lies beside the test bundle.
  private static func executable(_ name: String) throws -> URL {
    let starts = [Bundle.main.executablePath].compactMap(\.self) + CommandLine.arguments.filter { $0.contains("/") }
    for start in starts {
      var place = URL(fileURLWithPath: start).resolvingSymlinksInPath()
      while place.path.count > 1 {
        place.deleteLastPathComponent()
        let candidate = place.appendingPathComponent(name)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), !isFolder.boolValue,
          FileManager.default.isExecutableFile(atPath: candidate.path)
        {
          return candidate
        }
      }
    }
    throw DataError(.missingFile, file: name, "the command is not beside the tests", remedy: "build it first")
  }
}

/// A run that may not have ended.
struct Running {
  let process: Process
  let streams: URL

  var errors: String { (try? String(contentsOf: streams.appendingPathComponent("errors"), encoding: .utf8)) ?? "" }

  /// What stands on standard output so far, without a line that has no end.
  var lines: [Substring] {
    let text = (try? String(contentsOf: streams.appendingPathComponent("output"), encoding: .utf8)) ?? ""
    return Array(text.split(separator: "\n", omittingEmptySubsequences: false).dropLast())
  }

  func finish() throws -> RunResult {
    // A command that hangs must not hang the tests.
    let deadline = ContinuousClock.now + .seconds(600)
    while process.isRunning && ContinuousClock.now < deadline { usleep(5000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    defer { try? FileManager.default.removeItem(at: streams) }
    let status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    return RunResult(
      status: status, output: try Data(contentsOf: streams.appendingPathComponent("output")), errors: errors)
  }
}

/// Flags for a training that takes no time worth mentioning.
let tiny = ["--horizon", "3", "--context", "12", "--backtest", "1", "--hidden", "4", "--epochs", "2"]

/// A CSV file of months with a trend, a season and a second column.
func monthlyCSV(rows: Int = 72, lineEnd: String = "\n", header: String = "month,rain,sales") -> String {
  var lines = [header]
  for row in 0..<rows {
    let month = row % 12 + 1
    let sales = 100 + Double(row) + 20 * sin(Double(row) * .pi / 6)
    lines.append("\(2010 + row / 12)-\(month < 10 ? "0" : "")\(month),\(row * 7 % 11),\((sales * 100).rounded() / 100)")
  }
  return lines.map { $0 + lineEnd }.joined()
}

/// The status, exactly one line of standard error, which begins with "refrain: ", and nothing on standard output.
func expectRefusal(
  _ result: RunResult, _ status: Int32, naming parts: [String], at location: SourceLocation, program: String = "refrain"
) {
  #expect(result.status == status, "\(result.errors)", sourceLocation: location)
  #expect(result.output.isEmpty, "\(result.text)", sourceLocation: location)
  #expect(result.errorLines.count == 1, "\(result.errors)", sourceLocation: location)
  #expect(result.errors.hasPrefix("\(program): ") && result.errors.hasSuffix("\n"), sourceLocation: location)
  for part in parts {
    #expect(result.errors.contains(part), "no '\(part)' in: \(result.errors)", sourceLocation: location)
  }
}
