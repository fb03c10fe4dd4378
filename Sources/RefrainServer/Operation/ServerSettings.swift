/// How a server runs. The defaults are safe: only this machine reaches it, and nothing is written to disk.
public struct ServerSettings: Sendable {
  /// The address to listen at.
  public var host = "127.0.0.1"
  /// The port to listen at; 0 takes a free one.
  public var port = 8080
  /// The tokens of which a request must bring one; empty asks for none.
  public var tokens: [String] = []
  /// The origins whose pages may ask; `*` is any.
  public var origins: [String] = []
  /// The most bytes of a body.
  public var longestBody = 32_000_000
  /// How long a client may take to send a request, in seconds.
  public var readingTime = 30.0
  /// How long a request may wait for its turn to be computed, in seconds.
  public var waitingTime = 30.0
  /// How long a computation may take, in seconds: an answer, or a piece of one that streams.
  public var computingTime = 300.0
  /// The most requests at once.
  public var requests = 1024
  /// The most connections at once.
  public var connections = 10_000
  /// The most sessions in memory.
  public var sessions = 10_000
  /// How long a session lives that nobody asks for, in seconds.
  public var idleTime = 3600.0
  /// The folder for the states of sessions; nil writes none.
  public var sessionFolder: String?
  /// How often the files of models are looked at, in seconds; nil looks at them on SIGHUP alone.
  public var reloadTime: Double?
  /// The most computations at once, besides the steps of sessions.
  public var computations = 2
  /// How long running requests may take to end when the server is asked to, in seconds.
  public var drainTime = 30.0

  /// The defaults.
  public init() {}

  /// Whether only this machine reaches it.
  public var isLocal: Bool { Self.isLocal(host) }

  /// Whether a name or an address is this machine's own.
  static func isLocal(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || host == "[::1]"
      || host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." }
  }
}
