import Refrain
import RefrainData

/// Something to time.
struct BenchmarkCase {
  /// The shape, program or cell.
  let name: String
  /// What is done with it, such as `lstm-train`.
  let mode: String
  /// The number of threads; nil means as many as Refrain computes with.
  var threads: Int?
  /// Multiplications and additions in a run; nil where the count says little.
  var operations: Double?
  /// Bytes that a run has to move between processor and memory; nil where they are not known.
  var bytes: Double?
  /// Whether the fastest run counts and not the median, as of a limit: what slows one down is no part of it.
  var countsFastest = false
  /// Whether to say how much memory tensors take at most.
  var countsMemory = false
  /// What it is held against, run by run in turn, and how many operations that has; nil for most.
  var reference: (operations: Double, prepare: () -> () -> Void)?
  /// Makes the data, and gives what is timed.
  let prepare: () -> () -> Void

  /// Runs it three times to warm up, and then for `seconds` and five times at least.
  ///
  /// - Returns: nil when `shouldStop` said so between two runs.
  func measure(seconds: Double, shouldStop: () -> Bool) -> BenchmarkMeasurement? {
    let body = prepare()
    let other = reference?.prepare()
    for _ in 0..<3 {
      if shouldStop() { return nil }
      body()
      other?()
    }
    let clock = ContinuousClock()
    var durations: [Duration] = []
    var others: [Duration] = []
    let held = TensorMemory.bytes
    TensorMemory.resetPeak()
    let end = clock.now + .seconds(seconds)
    while durations.count < 5 || clock.now < end {
      if shouldStop() { return nil }
      durations.append(clock.measure(body))
      if let other { others.append(clock.measure(other)) }
    }
    func median(_ durations: [Duration]) -> Double { durations.sorted()[durations.count / 2] / .milliseconds(1) }
    let milliseconds = countsFastest ? durations.reduce(durations[0], min) / .milliseconds(1) : median(durations)
    let speed = reference.flatMap { reference in
      operations.map { $0 / reference.operations * median(others) / milliseconds }
    }
    return BenchmarkMeasurement(
      name: name, mode: mode, threads: threads ?? Parallelism.threads, milliseconds: milliseconds,
      gflops: operations.map { $0 / milliseconds / 1e6 }, speed: speed,
      bandwidth: bytes.map { $0 / milliseconds / 1e6 },
      megabytes: countsMemory ? Double(TensorMemory.peakBytes - held) / 1e6 : nil)
  }
}

/// What came of it.
struct BenchmarkMeasurement {
  var name: String
  var mode: String
  var threads: Int
  /// The median of the runs, or the fastest of them.
  var milliseconds: Double
  /// 10⁹ operations a second.
  var gflops: Double?
  /// How many times as fast an operation is as one of the reference.
  var speed: Double?
  /// 10⁹ bytes that have to be moved, a second.
  var bandwidth: Double?
  /// The share of the memory's bandwidth that this is; above 1 where a cache holds what moves.
  var share: Double?
  /// The most memory that tensors took in a run, in 10⁶ bytes.
  var megabytes: Double?
  /// What changed since an earlier run; nil where there is none.
  var change: BenchmarkChange?

  /// Whether it is a limit and no layer or program.
  var isLimit: Bool { name == BenchmarkCase.peakName }

  /// The bound that a cell keeps to.
  var bound: CellBound? { speed.flatMap { speed in share.map { CellBound(speed: speed, share: $0) } } }

  /// One line, with the keys of `Benchmarks/peers.py`, the processor, and what else is known.
  var json: JSON {
    func rounded(_ value: Double, _ factor: Double) -> JSON { .number((value * factor).rounded() / factor) }
    let further: [(key: String, value: JSON?)] = [
      ("speed", speed.map { rounded($0, 1000) }), ("bandwidth", bandwidth.map { rounded($0, 100) }),
      ("share", share.map { rounded($0, 10_000) }), ("within", bound.map { .text($0.rawValue) }),
      ("megabytes", megabytes.map { rounded($0, 10) }), ("ratio", change?.json),
    ]
    return .object(
      [
        ("peer", .text("refrain")), ("name", .text(name)), ("mode", .text(mode)), ("threads", .integer(threads)),
        ("milliseconds", rounded(milliseconds, 1e6)), ("gflops", gflops.map { rounded($0, 10) } ?? .null),
        ("processor", .text(Processor.current.name)), ("instructions", .text(InstructionSet.current.rawValue)),
      ] + further.compactMap { pair in pair.value.map { (pair.key, $0) } })
  }

  /// A row for people, by the headings over it.
  ///
  /// - Parameters:
  ///   - set: what the measurement is one of.
  ///   - peak: what one core could do, in GFLOP/s.
  func row(in set: BenchmarkSet, peak: Double?) -> [(heading: String, value: String)] {
    func percentage(_ share: Double) -> String { percent(100 * share, decimals: 0) }
    let ofPeak = peak.map { peak in gflops.map { percentage($0 / (peak * Double(threads))) } ?? "–" }
    let columns: [(heading: String, value: String?)] = [
      ("", name), ("Mode", mode), ("Milliseconds", significant(milliseconds)),
      ("GFLOP/s", gflops.map { fixed($0, decimals: 1) } ?? "–"), ("Of the peak", ofPeak),
      (set.reference, speed.map { fixed(set.beside($0), decimals: 2) }),
      ("Of the bandwidth", share.map(percentage)), ("Within", bound?.rawValue),
      ("Megabytes", megabytes.map { fixed($0, decimals: 1) }), ("× before", change?.text),
    ]
    return columns.compactMap { column in column.value.map { (column.heading, $0) } }
  }

  /// A line for people of what is a limit.
  var limit: String {
    let rate = gflops.map { "One core's peak: \(fixed($0, decimals: 1)) GFLOP/s" }
    let text = rate ?? bandwidth.map { "Memory bandwidth: \(fixed($0, decimals: 1)) GB/s" } ?? "\(name) \(mode)"
    return text + (change.map { " (\($0 == .new ? "" : "× before: ")\($0.text))" } ?? "")
  }
}
