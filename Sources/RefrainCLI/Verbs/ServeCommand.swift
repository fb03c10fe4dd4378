import ArgumentParser
import Dispatch
import RefrainData
import RefrainFoundation
import RefrainServer

/// `refrain serve MODEL…`: trained models over HTTP.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Answer over HTTP with trained models.",
    discussion: """
      Clients of the Open Inference Protocol (version 2) run models on tensors at /v2, tasks answer at \
      /tasks/MODEL/predict as 'refrain predict' does, streams with their state on the server live at /sessions, and a \
      page to try it all on is at /. /openapi.json describes everything.

      Only this machine reaches the server unless --host says otherwise. SIGTERM and Ctrl-C end it when what is being \
      answered is answered; a second one cuts that off, and a third ends it where it stands. SIGHUP has it look whether a model's \
      file has changed: new requests and sessions get the new model, sessions that have begun keep theirs.

      Examples:

        refrain serve sales.model
        refrain serve reviews=reviews.model speech.onnx --port 9000 --sessions states
        refrain serve sales.model --host 0.0.0.0 --tokens tokens.txt
        refrain serve sales.model --reload 10

      Exit status: 0 when it was asked to end, 64 for flags that make no sense, 65 for a file that cannot be used or an \
      address that cannot be listened at, 66 for a file that is missing or cannot be read, 71 where memory runs out, \
      73 for a folder of sessions that cannot be written or that another server has, 130 or 143 when a third signal ended \
      it where it stood.
      """)

  @Argument(
    help: ArgumentHelp("The models, of any format; their names are those of their files, or NAME in NAME=FILE."),
    completion: .file())
  var model: [String]

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Look after so many seconds, again and again, whether a model's file has changed. (default: on SIGHUP alone)",
      valueName: "seconds"))
  var reload: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("The port to listen at; 0 takes a free one.", valueName: "n"))
  var port = 8080

  @Option(help: ArgumentHelp("The address to listen at; 0.0.0.0 is every one.", valueName: "address"))
  var host = "127.0.0.1"

  @Option(
    help: ArgumentHelp(
      "A file of tokens, one on each line, of which a request must bring one. (default: none is asked for)",
      valueName: "file"), completion: .file())
  var tokens: String?

  @Option(
    help: ArgumentHelp(
      "Let pages of this origin ask, such as https://example.org; * lets all. (default: none)", valueName: "origin"))
  var cors: [String] = []

  @OptionGroup(title: "Sessions") var sessions: SessionOptions
  @OptionGroup(title: "Limits") var limits: LimitOptions

  @Option(
    help: ArgumentHelp("The least that is logged: debug, info, notice, warning, error.", valueName: "level"))
  var logLevel = "info"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many threads compute. (default: all processors)", valueName: "n"))
  var threads: Int?

  func validate() throws {
    try check("--port", port, within: 0...65_535)
    try check("--threads", threads, within: 1...1024)
    try check("--reload", reload, within: 1...1_000_000)
    let levels = ["debug", "info", "notice", "warning", "error"]
    guard levels.contains(logLevel) else {
      throw ValidationError("--log-level takes \(levels.joined(separator: ", ")), not '\(logLevel)'.")
    }
    // Browsers name a page's origin so, and another text would never be met.
    for origin in cors where origin != "*" {
      let host = ["http://", "https://"].first { origin.hasPrefix($0) }.map { origin.dropFirst($0.count) } ?? ""
      guard !host.isEmpty, !host.contains(where: { "/?#@ ".contains($0) }) else {
        throw ValidationError(
          "--cors takes * or an origin such as https://example.org, without a path, not '\(origin)'.")
      }
    }
  }

  func run() throws {
    var running = RunningOptions()
    running.threads = threads
    running.apply()
    var settings = ServerSettings()
    (settings.host, settings.port, settings.origins) = (host, port, cors)
    settings.reloadTime = reload.map { Double($0) }
    settings.tokens = try tokens.map { try RefrainServer.tokens(in: $0) } ?? []
    sessions.apply(to: &settings)
    limits.apply(to: &settings)
    let server = try RefrainServer(models: model.map(Self.named), settings: settings, level: logLevel)
    if !settings.isLocal, settings.tokens.isEmpty {
      StandardError.write(line: "Whoever reaches \(host) can ask: no --tokens were given.".sanitized)
    }
    let host = host
    try Self.wait { () throws(DataError) in
      try await server.run { port in
        StandardError.write(line: "Listening at http://\(host.contains(":") ? "[\(host)]" : host):\(port)/".sanitized)
      }
    }
  }

  /// A model's name and file; a file whose own name holds `=` is meant as it is.
  private static func named(_ text: String) -> (name: String, path: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !FileManager.default.fileExists(atPath: text) else {
      return (RefrainServer.name(of: text), text)
    }
    return (parts[0], parts[1])
  }

  /// Runs a task, and waits for its end on this thread.
  private static func wait(for body: @escaping @Sendable () async throws(DataError) -> Void) throws {
    let done = DispatchSemaphore(value: 0)
    let result = ResultBox()
    Task.detached {
      do throws(DataError) { try await body() } catch { result.error = error }
      done.signal()
    }
    done.wait()
    if let error = result.error { throw error }
  }

  /// Handed over by a semaphore.
  private final class ResultBox: @unchecked Sendable {
    var error: DataError?
  }
}

/// What becomes of streams whose state lies on the server.
struct SessionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep states of sessions in this folder: those that are idle, too many, or left at the end; a server that is "
        + "started again goes on with them. (default: they are forgotten)", valueName: "folder"),
    completion: .directory)
  var sessions: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The most sessions in memory.", valueName: "n"))
  var maxSessions = 10_000

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("After how many seconds a session ends that nobody asks for.", valueName: "seconds"))
  var idle = 3600

  func validate() throws {
    try check("--max-sessions", maxSessions, within: 1...10_000_000)
    try check("--idle", idle, within: 1...100_000_000)
  }

  func apply(to settings: inout ServerSettings) {
    settings.sessionFolder = sessions
    settings.sessions = maxSessions
    settings.idleTime = Double(idle)
  }
}

/// How much is taken on.
struct LimitOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The most that one request may send: 500KB, 2GB. (default: 32MB)", valueName: "size"))
  var maxBody: MemorySize?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The most requests at once.", valueName: "n"))
  var maxRequests = 1024

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The most connections at once.", valueName: "n"))
  var maxConnections = 10_000

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long a request may take to arrive, and to wait for its turn.", valueName: "seconds"))
  var timeout = 30

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How long a computation may take: an answer, or a piece of a text that is written.", valueName: "seconds"))
  var maxSeconds = 300

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long what is being answered at the end may take.", valueName: "seconds"))
  var drain = 30

  func validate() throws {
    try check("--max-requests", maxRequests, within: 1...1_000_000)
    try check("--max-connections", maxConnections, within: 1...1_000_000)
    try check("--timeout", timeout, within: 1...86_400)
    try check("--max-seconds", maxSeconds, within: 1...1_000_000)
    try check("--drain", drain, within: 1...86_400)
  }

  func apply(to settings: inout ServerSettings) {
    if let maxBody { settings.longestBody = maxBody.bytes }
    settings.requests = maxRequests
    settings.connections = maxConnections
    settings.readingTime = Double(timeout)
    settings.waitingTime = Double(timeout)
    settings.computingTime = Double(maxSeconds)
    settings.drainTime = Double(drain)
  }
}
