import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainBenchmarks

@Suite("refrain-benchmark: what cells are held against, and earlier runs")
struct BenchmarkLimitTests {
  /// Expects that a cell of I = 4 and H = 5 moves, besides its parameters, so many floats for a row at a step.
  private func expectFloats<Cell: RecurrentCell>(
    _ type: Cell.Type, batch: Int = 3, forward: Int, training: Int, at location: SourceLocation = #_sourceLocation
  ) {
    var generator = RandomGenerator(seed: 1)
    let cell = Cell(inputSize: 4, hiddenSize: 5, using: &generator)
    let shape = BenchmarkShape(name: "tiny", time: 2, batch: batch, inputSize: 4, hiddenSize: 5)
    let parameters = cell.parameterCount
    let read = Double(4 * (2 * batch * forward + parameters))
    let trained = Double(4 * (2 * batch * training + 3 * parameters))
    #expect(shape.leastTraffic(of: cell, isTraining: false) == read, "\(Cell.name)", sourceLocation: location)
    #expect(shape.leastTraffic(of: cell, isTraining: true) == trained, "\(Cell.name)", sourceLocation: location)
  }

  @Test("The least traffic follows from the cell's gates and states, and from who writes the gates")
  func traffic() {
    // 4 are read and 5 written; training reads both again, and the gradient of the output.
    expectFloats(TanhRNNCell.self, forward: 9, training: 23)
    // Three gates, written and read.
    expectFloats(GRUCell.self, forward: 9, training: 23 + 2 * 15)
    // Four, and the cell state.
    expectFloats(LSTMCell.self, forward: 9, training: 23 + 2 * 20 + 2 * 5)
    // Four, and three states beside the hidden one.
    expectFloats(SLSTMCell.self, forward: 9, training: 23 + 2 * 20 + 2 * 15)
    // The gates of all steps come first: three, written, read by the scan, and again. The state has c and an input.
    expectFloats(QRNNCell.self, forward: 9 + 2 * 15, training: 23 + 3 * 15 + 2 * (5 + 4))
    // Of the state the stabilizer of the one head counts, and no matrix.
    expectFloats(MatrixLSTMCell.self, forward: 9 + 2 * 15, training: 23 + 3 * 15 + 2)
    // Below eight rows the gates of all steps come first, from there on each step computes its own.
    expectFloats(MinGRUCell.self, batch: 7, forward: 9 + 2 * 10, training: 23 + 3 * 10)
    expectFloats(MinGRUCell.self, batch: 8, forward: 9, training: 23 + 2 * 10)
  }

  @Test("What a cell is within")
  func bounds() {
    #expect(CellBound(speed: 0.77, share: 0) == .arithmetic)
    #expect(CellBound(speed: 1, share: 1) == .arithmetic)
    #expect(CellBound(speed: 0.76, share: 0.84) == .bandwidth)
    #expect(CellBound(speed: 0.1, share: 3) == .bandwidth)
    #expect(CellBound(speed: 0.76, share: 0.83) == .neither)
  }

  @Test("The arrays are four times as large as the caches that the threads reach")
  func arrays() {
    func megabytes(_ threads: Int, _ cache: LastLevelCache?) -> Int {
      BenchmarkCase.streamedFloats(threads: threads, cache: cache) >> 18
    }
    let most = (MemoryBudget.standardLimit / 3) >> 20
    let cache = LastLevelCache(bytes: 20 << 20, count: 2)
    #expect(megabytes(1, cache) == min(80, most))
    #expect(megabytes(2, cache) == min(160, most))
    #expect(megabytes(3, cache) == min(160, most))
    #expect(megabytes(1, LastLevelCache(bytes: 1 << 40, count: 1)) == most)
    #expect(megabytes(2, nil) == min(64, most))
  }

  @Test("A row says time, share of the bandwidth and bound; one of another set none of them")
  func row() {
    var cell = BenchmarkMeasurement(name: "sru", mode: "medium-train", threads: 2, milliseconds: 2, gflops: 10)
    (cell.speed, cell.bandwidth, cell.share) = (0.5, 9, 0.9)
    cell.change = .ratio(1.254)
    #expect(
      cell.row(in: .cells, peak: 50).map(\.heading) == [
        "", "Mode", "Milliseconds", "GFLOP/s", "Of the peak", "Time, × LSTM", "Of the bandwidth", "Within", "× before",
      ])
    #expect(
      cell.row(in: .cells, peak: 50).map(\.value) == [
        "sru", "medium-train", "2.000", "10.0", "10 %", "2.00", "90 %", "bandwidth", "1.25",
      ])
    #expect(
      cell.json.text().hasSuffix(
        #""speed": 0.5, "bandwidth": 9.0, "share": 0.9, "within": "bandwidth", "ratio": 1.254}"#))
    let layer = BenchmarkMeasurement(name: "ragged", mode: "lstm-train", threads: 1, milliseconds: 2)
    #expect(layer.row(in: .ragged, peak: nil).map(\.value) == ["ragged", "lstm-train", "2.000", "–"])
    #expect(layer.json.text().hasSuffix(#""instructions": "\#(InstructionSet.current.rawValue)"}"#))
  }

  @Test("Cells say their share of the bandwidth, and what they are within")
  func cells() throws {
    let flags = ["--set", "cells", "--threads", "1", "--seconds", "0.001", "--format", "json"]
    let running = try Workplace().start(flags, program: "refrain-benchmark")
    // The limits and the first cell say it; the others are stopped.
    while running.lines.count < 3 && running.process.isRunning { usleep(5000) }
    kill(running.process.processIdentifier, SIGKILL)
    let lines = try running.finish().text.split(separator: "\n").prefix(3)
    let values = try lines.map { try JSONValue(Array($0.utf8)) }
    try #require(values.count == 3)
    let bandwidth = try #require(values[1]["bandwidth"].number)
    let (moved, share) = (try #require(values[2]["bandwidth"].number), try #require(values[2]["share"].number))
    #expect(values[2]["name"].string == "lstm")
    // Both are rounded.
    #expect(abs(share - moved / bandwidth) < 0.01 + 0.02 * share)
    #expect(values[2]["within"].string.flatMap(CellBound.init) != nil)
  }

  /// A line as the program writes it.
  private func line(
    _ name: String, _ mode: String, _ milliseconds: Double, _ further: String = #""gflops": null"#,
    processor: String = Processor.current.name, instructions: String = InstructionSet.current.rawValue
  ) -> String {
    #"{"peer": "refrain", "name": "\#(name)", "mode": "\#(mode)", "threads": 1, "milliseconds": \#(milliseconds), "#
      + #"\#(further), "processor": "\#(processor)", "instructions": "\#(instructions)"}"# + "\n"
  }

  @Test("Held against an earlier run each line says how many times as fast it is now, or that it is new")
  func compared() throws {
    let place = try Workplace()
    try place.write(line("ragged", "lstm-train", 1e6), to: "before.json")
    let flags = ["--set", "ragged", "--seconds", "0.001", "--threads", "1", "--compare", "before.json"]
    let json = try place.run(flags + ["--format", "json"], program: "refrain-benchmark")
    #expect(json.status == 0 && json.errors.isEmpty, "\(json.errors)")
    let values = try json.text.split(separator: "\n").map { try JSONValue(Array($0.utf8)) }
    try #require(values.count == 2)
    let (ratio, now) = (try #require(values[0]["ratio"].number), try #require(values[0]["milliseconds"].number))
    #expect(abs(ratio * now - 1e6) < 1e-3 * 1e6)
    #expect(values[1]["ratio"] == .null)
    #expect(json.text.hasSuffix(#""ratio": null}"# + "\n"))
    let table = try place.run(flags, program: "refrain-benchmark")
    let rows = table.text.split(separator: "\n").map { $0.split(separator: " ") }
    try #require(rows.count == 4)
    #expect(rows[1].suffix(2) == ["×", "before"])
    #expect(rows[2].last.flatMap { Double($0) }.map { $0 > 1 } == true)
    #expect(rows[3].last == "new")
  }

  @Test("Limits are compared by their rates, and what was written is read again")
  func limits() throws {
    let place = try Workplace()
    let path = place.folder.appendingPathComponent("before.json").path
    let before =
      line("peak", "multiply-add", 3, #""gflops": 50.0"#)
      + line("peak", "bandwidth", 3, #""gflops": null, "bandwidth": 10.0"#) + "\n"
    try place.write(before, to: "before.json")
    var peak = BenchmarkMeasurement(name: "peak", mode: "multiply-add", threads: 1, milliseconds: 3, gflops: 100)
    var bandwidth = BenchmarkMeasurement(name: "peak", mode: "bandwidth", threads: 1, milliseconds: 9, bandwidth: 5)
    let earlier = try EarlierRun(contentsOf: path)
    (peak.change, bandwidth.change) = (earlier.change(of: peak), earlier.change(of: bandwidth))
    #expect(peak.limit == "One core's peak: 100.0 GFLOP/s (× before: 2.00)")
    #expect(bandwidth.limit == "Memory bandwidth: 5.0 GB/s (× before: 0.50)")
    #expect(earlier.note == nil)
    bandwidth.threads = 2
    #expect(earlier.change(of: bandwidth) == .new)

    try place.write(peak.json.text() + "\n" + bandwidth.json.text(), to: "before.json")
    let again = try EarlierRun(contentsOf: path)
    #expect([peak, bandwidth].map(again.change) == [.ratio(1), .ratio(1)])
  }

  @Test("Another processor, or other instructions, are said in one line", arguments: [true, false])
  func otherMachine(isProcessor: Bool) throws {
    let place = try Workplace()
    let other =
      isProcessor ? line("ragged", "lstm-train", 5, processor: "Abacus") : line("ragged", "x", 5, instructions: "beads")
    try place.write(other + other, to: "before.json")
    let result = try place.run(
      ["--set", "ragged", "--seconds", "0.001", "--format", "json", "--compare", "before.json"],
      program: "refrain-benchmark")
    #expect(result.status == 0 && result.errorLines.count == 1, "\(result.errors)")
    #expect(result.errors.contains("before.json was timed on \(isProcessor ? "Abacus" : Processor.current.name) with "))
    #expect(result.errors.contains("and this is \(Processor.current.name) with \(InstructionSet.current.rawValue)."))
  }

  @Test(
    "A file that is no earlier run is one line",
    arguments: [
      ("month,sales\n2020-01,3\n", "line 1 is no measurement of refrain-benchmark"), ("\n \n", "no measurement in it"),
      ("", "no measurement in it"), (#"{"peer": "torch", "name": "step"}"#, "line 1 is no"), ("[1]", "line 1 is no"),
    ])
  func noRun(text: String, problem: String) throws {
    let place = try Workplace()
    try place.write(text, to: "before.json")
    let result = try place.run(["--compare", "before.json"], program: "refrain-benchmark")
    expectRefusal(
      result, 65, naming: ["before.json", problem, "--format json"], at: #_sourceLocation, program: "refrain-benchmark")
    let cut = line("ragged", "lstm-train", 5) + #"{"peer": "refrain", "na"#
    try place.write(cut, to: "before.json")
    expectRefusal(
      try place.run(["--compare", "before.json"], program: "refrain-benchmark"), 65, naming: ["line 2 is no"],
      at: #_sourceLocation, program: "refrain-benchmark")
  }

  @Test("A file that is not there is one line, and 66")
  func noFile() throws {
    let result = try Workplace().run(["benchmark", "--compare", "none.json"])
    expectRefusal(result, 66, naming: ["none.json"], at: #_sourceLocation, program: "refrain-benchmark")
    let empty = try Workplace().run(["--compare", ""], program: "refrain-benchmark")
    expectRefusal(
      empty, 64, naming: ["--compare needs the name of a file"], at: #_sourceLocation, program: "refrain-benchmark")
  }
}
