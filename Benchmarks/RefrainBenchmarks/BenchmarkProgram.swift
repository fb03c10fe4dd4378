import ArgumentParser
import Refrain
import RefrainData

/// `refrain-benchmark`: how fast Refrain computes on this machine, on layers and programs that others are timed on too.
@main
struct BenchmarkProgram: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refrain-benchmark",
    abstract: "Time layers and training steps on this machine.",
    usage: "refrain-benchmark [options]",
    discussion: """
      Each line is the median of as many runs as fit into the given time, after three to warm up, and of five at \
      least. Speeds count multiplications and additions of the matrix products, three times those of the forward pass when \
      training; GFLOP/s are 10^9 of them a second, beside which stands the share of what the cores could do with everything in \
      registers. Where two things are held against each other, they are run in turn. The memory's bandwidth is what all \
      threads read and write when they add two arrays that no cache holds, in 10^9 bytes a second, in the fastest run.

      A cell is held against two limits: the time that a multiply-add takes, in times of the LSTM's, and the bandwidth, \
      of which stands there what the least takes that must be moved (input, outputs, weights; in training also the gates and \
      states that are kept for the backward pass, and the gradients), more than 100 % where a cache holds it. It is \
      within 'arithmetic' at no more than 1.3 times the LSTM's time, else within 'bandwidth' at no less than 1/1.2 of \
      the bandwidth, or within 'neither'.

      Machines drift: compare only what was timed in turn. Benchmarks/compare does that with PyTorch and ONNX Runtime. \
      With --compare each line says how many times as fast it is as before (ratio in JSON), or 'new' (null).

      Examples:

        refrain-benchmark
        refrain-benchmark --set programs --threads 1
        refrain-benchmark --set int8
        REFRAIN_ISA=avx2 refrain-benchmark --format json > before.json
        REFRAIN_ISA=avx2 refrain-benchmark --compare before.json

      Exit status: 0 when all is well, 64 for flags that make no sense, 65 for a file to compare with that is none, 66 \
      for one that is missing or cannot be read, 130 after Ctrl-C (the first prints what has been timed so far, the \
      second quits at once).
      """)

  @Option(help: ArgumentHelp("What to time.", valueName: "set"))
  var set = BenchmarkSet.speed

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many threads compute. (default: all processors)", valueName: "n"))
  var threads: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("How long to time each line, in seconds.", valueName: "s"))
  var seconds = 1.0

  @Option(help: ArgumentHelp("The form of the results; json is one object a line, as soon as it is known."))
  var format = Format.table

  @Option(
    help: ArgumentHelp(
      "Say what changed since an earlier run: a file that --format json wrote.", valueName: "file"),
    completion: .file())
  var compare: String?

  /// How results are written.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case table, json
  }

  static func main() { Program<BenchmarkProgram>(name: "refrain-benchmark").run { try parseAsRoot() } }

  func validate() throws {
    try check("--threads", threads, within: 1...1024)
    guard seconds > 0, seconds <= 3600 else {
      throw ValidationError("--seconds must be above 0 and at most 3600, not \(seconds).")
    }
    try OutputFiles(written: [], read: [("--compare", compare)]).validate()
  }

  func run() throws {
    if let threads { Parallelism.threads = threads }
    let earlier = try compare.map { try EarlierRun(contentsOf: $0) }
    if let note = earlier?.note { StandardError.write(line: note.sanitized) }
    let cases = (set.countsOperations ? BenchmarkCase.limits : []) + set.cases()
    switch format {
    case .json:
      try measure(cases, since: earlier) { try StandardOutput.write($0.json.text() + "\n") }
    case .table:
      var measurements: [BenchmarkMeasurement] = []
      let progress = Progress()
      let outcome = Result {
        defer { progress.finish() }
        try measure(cases, since: earlier) {
          measurements.append($0)
        } before: { index in
          progress.show(Double(index) / Double(cases.count), "\(cases[index].name) \(cases[index].mode)")
        }
      }
      if !measurements.isEmpty { try StandardOutput.write(table(of: measurements)) }
      try outcome.get()
    }
  }

  /// Measures one case after another until Ctrl-C.
  private func measure(
    _ cases: [BenchmarkCase], since earlier: EarlierRun?, _ show: (BenchmarkMeasurement) throws -> Void,
    before: (_ index: Int) -> Void = { _ in }
  ) throws {
    try Interruption.listening {
      var bandwidth: Double?
      for (index, benchmark) in cases.enumerated() {
        before(index)
        guard var measurement = benchmark.measure(seconds: seconds, shouldStop: { Interruption.isRequested }) else {
          throw CommandFailure.interrupted("the benchmark was interrupted before its end")
        }
        if measurement.isLimit {
          bandwidth = measurement.bandwidth ?? bandwidth
        } else if let bandwidth {
          measurement.share = measurement.bandwidth.map { $0 / bandwidth }
        }
        measurement.change = earlier?.change(of: measurement)
        try show(measurement)
      }
    }
  }

  private func table(of measurements: [BenchmarkMeasurement]) -> String {
    let terminal = StandardOutput.terminal
    let page = Page(width: min(terminal.width, 100), usesColor: terminal.usesColor)
    let title = page.strong(set.title) + page.faint("  \(Processor.current), threads: \(Parallelism.threads)")
    let limits = measurements.filter(\.isLimit)
    let peak = limits.compactMap(\.gflops).first
    // All rows of a set have the same columns.
    let rows = measurements.filter { !$0.isLimit }.map { $0.row(in: set, peak: peak) }
    let grid = rows.first.map { first in page.grid([first.map(\.heading)] + rows.map { $0.map(\.value) }) }
    return ([title] + limits.map(\.limit) + (grid ?? [])).map { $0 + "\n" }.joined()
  }
}
