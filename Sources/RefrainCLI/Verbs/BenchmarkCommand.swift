import ArgumentParser
import RefrainFoundation

/// `refrain benchmark`: the program `refrain-benchmark`, which is not a part of this one.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Time layers and training steps on this machine, with the program refrain-benchmark.",
    usage: "refrain benchmark [options]")

  @Argument(parsing: .captureForPassthrough, help: "See 'refrain-benchmark --help'.")
  var arguments: [String] = []

  func run() throws {
    let folder = URL(filePath: Self.ownPath).resolvingSymlinksInPath().deletingLastPathComponent()
    let path = folder.appending(path: "refrain-benchmark").path
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

  /// The path of this program.
  private static var ownPath: String {
    #if canImport(Darwin)
      Bundle.main.executablePath ?? ""
    #else
      "/proc/self/exe"
    #endif
  }
}
