import ArgumentParser
import Refrain

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
      registers. Where two things are held against each other, they are run in turn.

      Machines drift: compare only what was timed in turn. Benchmarks/compare does that with PyTorch and ONNX Runtime.

      Examples:

        refrain-benchmark
        refrain-benchmark --set programs --threads 1
        refrain-benchmark --set int8
        REFRAIN_ISA=avx2 refrain-benchmark --format json

      Exit status: 0 when all is well, 64 for flags that make no sense, 130 after Ctrl-C (the first prints what has \
      been timed so far, the second quits at once).
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
  }

  func run() throws {
    if let threads { Parallelism.threads = threads }
    switch format {
    case .json:
      let peak = set == .speed ? [BenchmarkCase.multiplyAddPeak] : []
      try measure(peak + set.cases) { try StandardOutput.write($0.json.text() + "\n") }
    case .table:
      var measurements: [BenchmarkMeasurement] = []
      let progress = Progress()
      let cases = (set.countsOperations ? [BenchmarkCase.multiplyAddPeak] : []) + set.cases
      let outcome = Result {
        defer { progress.finish() }
        try measure(cases) {
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
    _ cases: [BenchmarkCase], _ show: (BenchmarkMeasurement) throws -> Void, before: (_ index: Int) -> Void = { _ in }
  ) throws {
    try Interruption.listening {
      for (index, benchmark) in cases.enumerated() {
        before(index)
        guard let measurement = benchmark.measure(seconds: seconds, shouldStop: { Interruption.isRequested }) else {
          throw CommandFailure.interrupted("the benchmark was interrupted before its end")
        }
        try show(measurement)
      }
    }
  }

  private func table(of measurements: [BenchmarkMeasurement]) -> String {
    let terminal = StandardOutput.terminal
    let page = Page(width: min(terminal.width, 100), usesColor: terminal.usesColor)
    let title = page.strong(set.title) + page.faint("  \(Processor.current), threads: \(Parallelism.threads)")
    let countsMemory = measurements.contains { $0.megabytes != nil }
    var measurements = measurements
    var peak: Double?
    if let first = measurements.first, set.countsOperations { (peak, _) = (first.gflops, measurements.removeFirst()) }
    let header =
      ["", "Mode", "Milliseconds", "GFLOP/s"] + (peak == nil ? [] : ["Of the peak"])
      + (measurements.contains { $0.speed != nil } ? [set.reference] : []) + (countsMemory ? ["Megabytes"] : [])
    let rows =
      (peak.map { ["One core's peak: \(fixed($0, decimals: 1)) GFLOP/s"] } ?? [])
      + page.grid([header] + measurements.map { $0.row(peak: peak) })
    return ([title] + rows).map { $0 + "\n" }.joined()
  }
}
