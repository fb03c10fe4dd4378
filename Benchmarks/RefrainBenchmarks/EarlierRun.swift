import Refrain
import RefrainData

/// What an earlier run wrote with `--format json`, for this one to be held against. Of a line that was timed twice the
/// last counts.
struct EarlierRun {
  /// What names a line.
  private struct Key: Hashable {
    let name, mode: String
    let threads: Int
  }

  /// How fast each line was: ``BenchmarkMeasurement/rate(name:milliseconds:gflops:bandwidth:)``.
  private var rates: [Key: Double] = [:]
  /// The processor and the instructions of the lines, where they are others than here: one line for people.
  private(set) var note: String?

  /// - Throws: `missingFile`, `unreadableFile`, `isDirectory`; `wrongFormat` for what this program did not write.
  init(contentsOf path: String) throws(DataError) {
    let remedy = "name a file that refrain-benchmark --format json wrote"
    let here = [Processor.current.name, InstructionSet.current.rawValue]
    let lines = try readFile(path).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.allSatisfy({ $0 <= UInt8(ascii: " ") }) {
      guard let value = try? JSONValue(Array(line)), value["peer"].string == "refrain",
        let name = value["name"].string, let mode = value["mode"].string, let threads = value["threads"].integer,
        let milliseconds = value["milliseconds"].number, milliseconds > 0
      else {
        throw DataError(
          .wrongFormat, file: path, "line \(index + 1) is no measurement of refrain-benchmark", remedy: remedy)
      }
      rates[Key(name: name, mode: mode, threads: threads)] = BenchmarkMeasurement.rate(
        name: name, milliseconds: milliseconds, gflops: value["gflops"].number, bandwidth: value["bandwidth"].number)
      guard note == nil, let processor = value["processor"].string, let instructions = value["instructions"].string,
        [processor, instructions] != here
      else { continue }
      note = "\(path) was timed on \(processor) with \(instructions), and this is \(here[0]) with \(here[1])."
    }
    guard !rates.isEmpty else {
      throw DataError(.wrongFormat, file: path, "there is no measurement in it", remedy: remedy)
    }
  }

  /// How a measurement of now compares with the one of then.
  func change(of now: BenchmarkMeasurement) -> BenchmarkChange {
    let key = Key(name: now.name, mode: now.mode, threads: now.threads)
    guard let before = rates[key] else { return .new }
    let rate = BenchmarkMeasurement.rate(
      name: now.name, milliseconds: now.milliseconds, gflops: now.gflops, bandwidth: now.bandwidth)
    return .ratio(rate / before)
  }
}

/// What changed since an earlier run.
enum BenchmarkChange: Equatable {
  /// It was not timed then.
  case new
  /// How many times as fast it is now: for the same work the time before over the time now.
  case ratio(Double)

  /// For a table.
  var text: String {
    switch self {
    case .new: "new"
    case .ratio(let ratio): fixed(ratio, decimals: 2)
    }
  }

  /// For JSON: null where it is new.
  var json: JSON {
    switch self {
    case .new: .null
    case .ratio(let ratio): .number((ratio * 1000).rounded() / 1000)
    }
  }
}

extension BenchmarkMeasurement {
  /// How fast something is: runs in a millisecond; of a limit, whose run is not the same work on every processor, its
  /// operations or bytes a second.
  static func rate(name: String, milliseconds: Double, gflops: Double?, bandwidth: Double?) -> Double {
    let limit = name == BenchmarkCase.peakName ? gflops ?? bandwidth : nil
    return limit ?? 1 / milliseconds
  }
}
