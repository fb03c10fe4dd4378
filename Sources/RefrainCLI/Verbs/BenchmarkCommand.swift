import ArgumentParser
import Foundation

/// `refrain benchmark`: the program `refrain-benchmark`, which is not a part of this one.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Time layers and training steps on this machine, with the program refrain-benchmark.",
    usage: "refrain benchmark [options]")

  @Argument(parsing: .captureForPassthrough, help: "See 'refrain-benchmark --help'.")
  var arguments: [String] = []

  func run() throws {
    let folder = URL(fileURLWithPath: Bundle.main.executablePath ?? "").resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let path = folder.appendingPathComponent("refrain-benchmark").path
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    words.append(nil)
    // What this process ignores the next one would, too.
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_DFL) }
    execv(path, words)
    throw CommandFailure(
      status: EX_UNAVAILABLE,
      message: "the benchmark is a program of its own, which is not beside this one; "
        + "build it with 'swift build -c release --product refrain-benchmark'")
  }
}
