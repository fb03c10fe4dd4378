import Foundation
import RefrainData
import Testing

@Suite("Standard input, the benchmark, and faults of the program")
struct ProgramTests {
  @Test("A series that is piped in, redirected, or named - is forecast, and an empty pipe is nothing")
  func standardInput() throws {
    let place = try Workplace()
    try place.write(monthlyCSV(), to: "a.csv")
    let flags = tiny.joined(separator: " ") + " --format csv --quiet"
    let named = try place.run(["forecast", "a.csv"] + flags.split(separator: " ").map(String.init))
    func points(_ result: RunResult) -> String {
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      return result.text
    }
    let wanted = points(named)
    for line in ["< a.csv", "- < a.csv"] {
      #expect(points(try place.shell("\"$REFRAIN\" forecast \(flags) \(line)")) == wanted)
    }
    #expect(points(try place.shell("cat a.csv | \"$REFRAIN\" forecast \(flags)")) == wanted)
    let airline = points(try place.shell("\"$REFRAIN\" forecast \(flags) < /dev/null"))
    #expect(airline.contains("1961-01"))
    #expect(points(try place.shell("true | \"$REFRAIN\" forecast \(flags)")) == airline)
  }

  @Test("'refrain benchmark' is the program beside it")
  func benchmark() throws {
    let result = try Workplace().run(["benchmark", "--set", "speeed"])
    expectRefusal(
      result, 64, naming: ["programs, cells, int8, memory, frames"], at: #_sourceLocation, program: "refrain-benchmark")
    #expect(try Workplace().run(["benchmark", "--help"]).text.contains("refrain-benchmark [options]"))
  }

  @Test("A fault of the program is a line, and 70", arguments: [SIGILL, SIGTRAP, SIGSEGV, SIGBUS])
  func trap(number: Int32) throws {
    let place = try Workplace()
    try place.write(monthlyCSV(rows: 1200), to: "long.csv")
    let running = try place.start(["forecast", "long.csv", "--epochs", "1000000", "--hidden", "128"])
    // What was assumed in reading has been said then.
    while !running.errors.contains("epoch") && running.process.isRunning { usleep(10_000) }
    let before = running.errors.split(separator: "\n").count
    kill(running.process.processIdentifier, number)
    let result = try running.finish()
    #expect(result.status == 70)
    #expect(result.errorLines.count == before + 1)
    #expect(result.errorLines.last?.hasPrefix("refrain: stopped by a fault of its own") == true, "\(result.errors)")
  }

  #if os(Linux)
    @Test("Want of memory under a limit is told, with 71 where it is a tensor's; any fault names the limit")
    func memory() throws {
      let place = try Workplace()
      let rows = (0..<400).map { row in
        (0..<50).map { "w\((row * 50 + $0) % 10_000)" }.joined(separator: " ") + (row % 2 == 0 ? ",yes" : ",no")
      }
      try place.write("text,label\n" + rows.joined(separator: "\n"), to: "words.csv")
      let words = try place.shell(
        "ulimit -v 300000; \"$REFRAIN\" train classify words.csv --target label --inputs text --members 1 --epochs 1 "
          + "--hidden 4 --embedding 4096 --save words.model")
      #expect(words.status == 71, "\(words.errors)")
      let line = words.errorLines.last ?? ""
      #expect(line.hasPrefix("refrain: there is not enough memory for a tensor of 135 MB within the 307 MB"), "\(line)")
      #expect(try place.files == ["words.csv"] && !words.errors.contains("fault"))
      try place.write(monthlyCSV(rows: 1200), to: "long.csv")
      let other = try place.shell(
        """
        ulimit -v 8000000
        "$REFRAIN" forecast long.csv --epochs 1000000 --hidden 128 2> log & process=$!
        while kill -0 $process && ! grep -qs epoch log; do sleep 0.1; done
        kill -ILL $process; wait $process; status=$?; cat log >&2; exit $status
        """)
      #expect(other.status == 70)
      #expect(other.errorLines.last?.contains("or by want of memory within the 8192 MB") == true, "\(other.errors)")
    }
  #endif
}
