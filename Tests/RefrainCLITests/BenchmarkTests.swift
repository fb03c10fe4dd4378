import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainBenchmarks

@Suite("refrain-benchmark", .timeLimit(.minutes(20)))
struct BenchmarkTests {
  private static let shapes = ["step", "stream", "small", "medium", "large", "narrow", "odd"]

  /// Names and modes in the order in which they are timed.
  private static func promised(_ set: BenchmarkSet) -> [String] {
    func each(_ names: [String], _ modes: String...) -> [String] {
      names.flatMap { name in modes.map { "\(name) \($0)" } }
    }
    return switch set {
    case .speed: each(shapes, "lstm-forward", "lstm-train")
    case .gru: each(shapes, "gru-forward", "gru-train")
    case .ragged: each(["ragged"], "lstm-train", "gru-train")
    case .programs:
      each(["lstm50-dense1", "lstm64-lstm32-dense1", "lstm128-softmax10", "ptb-small"], "program-step")
    case .cells: each(Cells.all.map { $0.name }, "medium-forward", "medium-train", "small-forward", "small-train")
    case .int8:
      each(shapes, "lstm-int8", "gru-int8", "lstm-bfloat16", "gru-bfloat16")
        + each(["1 × 512 → 10000", "64 × 512 → 10000"], "dense-int8", "dense-bfloat16")
    case .frames: each(["frames", "squares", "wide"], "conv-lstm-train")
    case .memory: ["", "-50-steps"].flatMap { each(["long"], "lstm-train\($0)", "gru-train\($0)") }
    }
  }

  @Test("Each set has the promised names and modes, and each case runs", arguments: BenchmarkSet.allCases)
  func cases(set: BenchmarkSet) {
    // Small ones: what is timed has larger layers, and the same cells, steps and modes.
    let cases = set.cases(ofSizesTo: 32)
    #expect(cases.map { "\($0.name) \($0.mode)" } == Self.promised(set))
    for benchmark in cases {
      #expect((benchmark.operations != nil) == [.speed, .gru, .cells, .int8, .frames].contains(set))
      #expect((benchmark.bytes != nil) == (set == .cells))
      benchmark.prepare()()
    }
  }

  @Test("Steps that are computed again save memory, and the measurement says how much")
  func memory() async {
    // In a process of its own: the memory is that of all tensors there are. 400 steps of the 2,000 show it.
    await #expect(processExitsWith: .success) {
      let megabytes = try BenchmarkSet.memory.cases(ofSizesTo: 400).map { benchmark in
        let result = try #require(benchmark.measure(seconds: 1e-9) { false })
        let fields = try JSONSerialization.jsonObject(with: Data(result.json.text().utf8)) as? [String: Any]
        return try #require(fields?["megabytes"] as? Double)
      }
      try #require(megabytes.count == 4)
      #expect(megabytes[2] * 2 < megabytes[0])
      #expect(megabytes[3] * 2 < megabytes[1])
    }
  }

  @Test("Names, shapes and modes are those that Benchmarks/peers.py times")
  func peers() throws {
    let script = Repository.text("Benchmarks/peers.py")
    for shape in BenchmarkShape.all {
      let row = "(\"\(shape.name)\", \(shape.time), \(shape.batch), \(shape.inputSize), \(shape.hiddenSize)),\n"
      #expect(script.contains("    " + row))
    }
    for name in ["ragged"] + BenchmarkSet.programs.cases().map(\.name) { #expect(script.contains("\"\(name)\", ")) }
    for mode in ["}-forward", "}-train", "\"lstm-forward\"", "\"program-step\""] { #expect(script.contains(mode)) }
  }

  @Test(
    "Benchmarks/compare_tasks.py trains with flags that the tasks have",
    arguments: ["tag", "classify", "language", "translate"])
  func taskFlags(task: String) throws {
    let entries = Repository.text("Benchmarks/compare_tasks.py").components(separatedBy: "\n    \"")
    let entry = try #require(entries.first { $0.hasPrefix("\(task)\": Task(") })
    let values = entry.components(separatedBy: "\n}")[0].dropFirst(task.count + 2)
    let flags = values.matches(of: #/"([a-z-]+)": /#).map { "--\($0.1)" }
    #expect(flags.count >= 4)
    let help = try Workplace().run(["train", task, "--help"]).text
    for flag in flags + ["--validation", "--epochs", "--save", "--quiet"] {
      #expect(help.contains("  \(flag) "), "\(task) has no \(flag)")
    }
  }

  @Test("The operations of a layer: two for each of its weights, row and step, and three times as many in training")
  func operations() {
    let cases = BenchmarkSet.speed.cases() + BenchmarkSet.gru.cases()
    func operations(_ name: String, _ mode: String) -> Double? {
      cases.first { $0.name == name && $0.mode == mode }?.operations
    }
    #expect(operations("large", "lstm-forward") == Double(2 * 50 * 64 * 4 * 512 * 1024))
    #expect(operations("odd", "lstm-train") == Double(3 * 2 * 35 * 20 * 4 * 200 * 400))
    #expect(operations("narrow", "gru-forward") == Double(2 * 100 * 128 * 3 * 64 * 74))
  }

  @Test("A measurement is the median after three runs, of five runs at least, unless it is told to stop")
  func measurement() throws {
    var runs = 0
    let slow: Set = [0, 1, 2, 4, 5]
    let benchmark = BenchmarkCase(name: "n", mode: "m", operations: 2e9) {
      {
        usleep(slow.contains(runs) ? 200_000 : 2000)
        runs += 1
      }
    }
    let result = try #require(benchmark.measure(seconds: 1e-9) { false })
    #expect(runs == 8)
    #expect((2..<60).contains(result.milliseconds), "\(result)")
    let speed = try #require(result.gflops)
    #expect(abs(speed * result.milliseconds - 2000) < 1e-6)
    #expect(benchmark.measure(seconds: 1) { runs >= 10 } == nil)
    #expect(runs == 10)
    #expect(benchmark.measure(seconds: 1) { runs >= 15 } == nil)
    #expect(runs == 15)
  }

  @Test("Of a limit the fastest run counts, after three")
  func fastest() throws {
    let clock = ContinuousClock()
    var (starts, ends): ([ContinuousClock.Instant], [ContinuousClock.Instant]) = ([], [])
    var benchmark = BenchmarkCase(name: "n", mode: "m") {
      {
        // The first is faster still, but only warms up.
        let milliseconds: [Int: UInt32] = [0: 0, 5: 10]
        starts.append(clock.now)
        usleep(1000 * (milliseconds[ends.count] ?? 60))
        ends.append(clock.now)
      }
    }
    benchmark.countsFastest = true
    let result = try #require(benchmark.measure(seconds: 1e-9) { false })
    // However busy the processors are: a run is measured from after the end of the one before to before the next.
    let timed = 3..<ends.count
    let least = timed.map { (ends[$0] - starts[$0]) / .milliseconds(1) }.min() ?? 0
    let most = timed.dropLast().map { (starts[$0 + 1] - ends[$0 - 1]) / .milliseconds(1) }.min() ?? 0
    #expect(timed.count == 5 && (least...most).contains(result.milliseconds), "\(least), \(result), \(most)")
  }

  @Test("JSON is one object a line with the keys of the peers' benchmark")
  func json() throws {
    let result = try Workplace().run(
      ["--set", "ragged", "--seconds", "0.001", "--threads", "1", "--format", "json"], program: "refrain-benchmark")
    #expect(result.status == 0)
    #expect(result.errors.isEmpty)
    let lines = result.text.split(separator: "\n")
    #expect(lines.count == 2)
    for (line, mode) in zip(lines, ["lstm-train", "gru-train"]) {
      let start = #"{"peer": "refrain", "name": "ragged", "mode": "\#(mode)", "threads": 1, "milliseconds": "#
      #expect(
        line.hasPrefix(start) && line.contains(#", "gflops": null, "processor": "\#(Processor.current.name)""#),
        "\(line)")
      #expect(Double(line.dropFirst(start.count).prefix { $0 != "," }).map { $0 > 0 } == true, "\(line)")
    }
  }

  @Test(
    "The set speed begins with the peak and the bandwidth, and a reader that stops reading ends the command quietly")
  func peak() throws {
    let line = """
      { "$REFRAIN" benchmark --threads 2 --seconds 0.001 --format json; echo status $? >&2; } | head -n 3
      """
    let result = try Workplace().shell(line)
    #expect(result.errors == "status 0\n")
    let lines = result.text.split(separator: "\n")
    try #require(lines.count == 3)
    #expect(lines[0].hasPrefix(#"{"peer": "refrain", "name": "peak", "mode": "multiply-add", "threads": 1, "#))
    #expect(lines[1].hasPrefix(#"{"peer": "refrain", "name": "peak", "mode": "bandwidth", "threads": 2, "#))
    #expect(lines[2].hasPrefix(#"{"peer": "refrain", "name": "step", "mode": "lstm-forward", "threads": 2, "#))
    // No processor with less, and none with more, can be expected.
    let fields = try lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    let speed = try #require(fields[0]?["gflops"] as? Double)
    #expect((1..<2000).contains(speed), "\(speed)")
    let bandwidth = try #require(fields[1]?["bandwidth"] as? Double)
    #expect((0.1..<4000).contains(bandwidth) && fields[1]?["gflops"] is NSNull, "\(bandwidth)")
  }

  @Test("The table has a header and columns that are set to the right")
  func table() throws {
    let result = try Workplace().run(
      ["--set", "programs", "--seconds", "0.001", "--threads", "2"], program: "refrain-benchmark")
    #expect(result.status == 0)
    let lines = result.text.split(separator: "\n")
    try #require(lines.count == 6)
    #expect(lines[0] == "Training steps  \(Processor.current), threads: 2")
    #expect(lines[1].split(separator: " ") == ["Mode", "Milliseconds", "GFLOP/s"])
    for (line, row) in zip(lines[2...], Self.promised(.programs)) {
      let cells = line.split(separator: " ")
      #expect(cells.prefix(2).joined(separator: " ") == row)
      #expect(cells.count == 4 && Double(cells[2]) != nil && cells[3] == "–", "\(line)")
    }
    #expect(Set(lines[1...].map(\.count)).count == 1)
    #expect(lines[1...].allSatisfy { $0.hasPrefix("  ") && $0.count <= 80 })
  }

  @Test(
    "Flags that make no sense end with 64 and one line that points to the help",
    arguments: [
      ("--set speeed", "programs, cells, int8, memory, frames"), ("--set", "--set"),
      ("--threads 0", "--threads must be at least 1, not 0"), ("--threads -1", "at least 1"),
      ("--seconds 0", "--seconds must be above 0"), ("--seconds -1", "above 0"), ("--seconds nan", "above 0"),
      ("--seconds inf", "at most 3600"), ("--format csv", "'table' and 'json'"), ("sales.csv", "'sales.csv'"),
      ("--compare", "--compare"),
    ])
  func refused(flags: String, names: String) throws {
    let result = try Workplace().run(flags.split(separator: " ").map(String.init), program: "refrain-benchmark")
    expectRefusal(
      result, 64, naming: [names, "See 'refrain-benchmark --help'."], at: #_sourceLocation,
      program: "refrain-benchmark")
  }

  @Test("The help says what each set is")
  func help() throws {
    let help = try Workplace().run(["--help"], program: "refrain-benchmark").text
    for set in BenchmarkSet.allCases { #expect(help.contains("  \(set.rawValue) ") && !set.title.isEmpty) }
    #expect(BenchmarkSet.allValueDescriptions.count == BenchmarkSet.allCases.count)
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("Ctrl-C prints what has been timed so far and ends with 130")
  func interrupted() throws {
    signal(SIGINT, SIG_DFL)
    let running = try Workplace().start(["--set", "ragged", "--seconds", "1"], program: "refrain-benchmark")
    while !running.errors.contains(" 50 %") && running.process.isRunning { usleep(10_000) }
    kill(running.process.processIdentifier, SIGINT)
    let result = try running.finish()
    #expect(result.status == 130, "\(result.errors)")
    #expect(result.errorLines.last == "refrain-benchmark: the benchmark was interrupted before its end")
    #expect(result.text.split(separator: "\n").count == 3)
    #expect(result.text.contains("lstm-train") && !result.text.contains("gru-train"))
  }
}
