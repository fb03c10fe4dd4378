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
    let milliseconds = median(durations)
    let speed = reference.flatMap { reference in
      operations.map { $0 / reference.operations * median(others) / milliseconds }
    }
    return BenchmarkMeasurement(
      name: name, mode: mode, threads: threads ?? Parallelism.threads, milliseconds: milliseconds,
      gflops: operations.map { $0 / milliseconds / 1e6 }, speed: speed,
      megabytes: countsMemory ? Double(TensorMemory.peakBytes - held) / 1e6 : nil)
  }
}

/// What came of it.
struct BenchmarkMeasurement {
  var name: String
  var mode: String
  var threads: Int
  /// The median of the runs.
  var milliseconds: Double
  /// 10⁹ operations a second.
  var gflops: Double?
  /// How many times as fast an operation is as one of the reference.
  var speed: Double?
  /// The most memory that tensors took in a run, in 10⁶ bytes.
  var megabytes: Double?

  /// One line, with the keys of `Benchmarks/peers.py`, the processor, and the memory where it is counted.
  var json: JSON {
    .object(
      [
        ("peer", .text("refrain")), ("name", .text(name)), ("mode", .text(mode)), ("threads", .integer(threads)),
        ("milliseconds", .number((milliseconds * 1e6).rounded() / 1e6)),
        ("gflops", gflops.map { .number(($0 * 10).rounded() / 10) } ?? .null),
        ("processor", .text(Processor.current.name)), ("instructions", .text(InstructionSet.current.rawValue)),
      ] + (speed.map { [("speed", .number(($0 * 1000).rounded() / 1000))] } ?? [])
        + (megabytes.map { [("megabytes", .number(($0 * 10).rounded() / 10))] } ?? []))
  }

  /// A row for people: name, mode, milliseconds, GFLOP/s, their share of `peak`, the speed beside a reference, and the
  /// memory where it is counted.
  func row(peak: Double?) -> [String] {
    let share = peak.map { peak in gflops.map { "\(fixed(100 * $0 / (peak * Double(threads)), decimals: 0)) %" } ?? "–"
    }
    return [name, mode, significant(milliseconds), gflops.map { fixed($0, decimals: 1) } ?? "–"]
      + (share.map { [$0] } ?? []) + (speed.map { [fixed($0, decimals: 2)] } ?? [])
      + (megabytes.map { [fixed($0, decimals: 1)] } ?? [])
  }
}
