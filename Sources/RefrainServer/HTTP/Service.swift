import Dispatch
import HTTPTypes
import Logging
import NIOCore
import RefrainData
import RefrainFoundation
import Synchronization

/// What answers requests, however they come.
final class Service: Sendable {
  /// The version that the server tells.
  static let version = "0.1.0"

  let settings: ServerSettings
  let shelf: ModelShelf
  let meters: Meters
  let pool: ComputePool
  let sessions: SessionStore
  let logger: Logger
  private let tokens: TokenCheck
  private let origins: OriginCheck
  private let draining = Atomic(false)
  private let started = Atomic(false)
  private let requests = Atomic(UInt64(0))
  private let idPrefix = String(SessionID.draw().prefix(8))
  private let routeTable = Mutex<RouteTable?>(nil)

  /// - Throws: `unwritableFile` when the folder for states of sessions cannot be made, or another server has it.
  convenience init(
    _ models: [ServedModel], _ settings: ServerSettings, meters: Meters, logger: Logger
  ) throws(DataError) {
    // What can fail comes first: Swift 6.3's optimizer crashes on an initializer that gives up half of what it made.
    let folder = try settings.sessionFolder.map { (path) throws(DataError) in try SessionFolder(path) }
    let shelf = ModelShelf(models, sessions: folder?.path, meters: meters)
    let sessions = SessionStore(shelf, folder, settings, meters: meters, logger: logger)
    self.init(shelf, sessions, settings, meters: meters, logger: logger)
  }

  private init(
    _ shelf: ModelShelf, _ sessions: SessionStore, _ settings: ServerSettings, meters: Meters, logger: Logger
  ) {
    (self.settings, self.meters, self.logger) = (settings, meters, logger)
    (self.shelf, self.sessions) = (shelf, sessions)
    pool = ComputePool(
      places: settings.computations, longestQueue: settings.requests, patience: settings.waitingTime,
      longestRun: settings.computingTime)
    tokens = TokenCheck(settings.tokens)
    origins = OriginCheck(settings)
    let table = RouteTable(pageRoutes + inferenceRoutes + taskRoutes + sessionRoutes)
    routeTable.withLock { $0 = table }
  }

  /// All routes.
  var table: RouteTable { routeTable.withLock { $0 } ?? RouteTable([]) }

  /// Whether the server is about to end.
  var isDraining: Bool { draining.load(ordering: .relaxed) }
  /// Whether it ever took requests.
  var hasStarted: Bool { started.load(ordering: .relaxed) }
  func start() { started.store(true, ordering: .relaxed) }
  func drain() { draining.store(true, ordering: .relaxed) }

  // MARK: - Answering

  /// The answer to a request.
  ///
  /// - Parameters:
  ///   - known: The route of the request, where it has been looked up.
  ///   - reads: Reads the body of a request to at most so many bytes.
  func respond(
    _ call: Call, along known: (route: Route, names: [String: String])? = nil,
    reads: (_ limit: Int) async throws(Failure) -> [UInt8]
  ) async -> Answer {
    let (answer, note) = await answer(call, along: known, reads: reads)
    note()
    return answer
  }

  /// The answer to a request, and what is to be done when it is on its way: it is counted and logged.
  func answer(
    _ call: Call, along known: (route: Route, names: [String: String])? = nil,
    reads: (_ limit: Int) async throws(Failure) -> [UInt8]
  ) async -> (answer: Answer, note: @Sendable () -> Void) {
    var call = call
    let began = Session.now
    if call.id.isEmpty { call.id = requestID(call.header(.requestID)) }
    var answer: Answer
    var route: Route?
    meters.running.wrappingAdd(1, ordering: .relaxed)
    do {
      try origins.check(call)
      if call.method == "OPTIONS" {
        answer = preflight(call)
      } else {
        let found = try known ?? table.route(call.method, call.path)
        route = found.route
        answer = try await run(call, found.route, found.names, reads)
      }
    } catch {
      let failure = Failure(throwing: error)
      if failure.status == 500 {
        logger.error("a request failed", metadata: ["request": "\(call.id)", "error": "\(error)"])
      }
      answer = failure.answer
      if failure.status == 405 { answer.headers[.allow] = table.methods(of: call.path).joined(separator: ", ") }
    }
    decorate(&answer, call)
    if call.header(.upgrade) != nil, answer.status != 101 {
      // What would come after the request is not read as HTTP any more.
      answer.closes = true
      answer.headers[.connection] = "close"
    }
    if call.method == "HEAD" {
      // How long the body would be is still said.
      if case .bytes(let bytes) = answer.body { answer.headers[.contentLength] = String(bytes.count) }
      answer.body = .bytes([])
    }
    let note = finish(&answer, call, route, began)
    return (answer, note)
  }

  /// The answer to what cannot even be read as a request: it has a name, is counted and logged as others are.
  ///
  /// - Parameter head: As far as there is one.
  func refusal(_ failure: Failure, of head: HTTPRequest? = nil) -> Answer {
    var call = Call(method: head?.method.rawValue ?? "", path: head?.path ?? "")
    call.headers = head?.headerFields ?? HTTPFields()
    call.id = requestID(call.header(.requestID))
    var answer = failure.answer
    decorate(&answer, call)
    meters.running.wrappingAdd(1, ordering: .relaxed)
    note(call, nil, status: answer.status, 0)
    return answer
  }

  private func run(
    _ call: Call, _ route: Route, _ names: [String: String],
    _ reads: (_ limit: Int) async throws(Failure) -> [UInt8]
  ) async throws -> Answer {
    var call = call
    if !route.isOpen {
      call.owner = try tokens.check(call, isSocket: route.isSocket)
      guard route.isUrgent || meters.running.load(ordering: .relaxed) <= settings.requests else {
        throw Failure(503, "the server is busy: it answers \(settings.requests) requests", retryAfter: 1, closes: true)
      }
    }
    if let encoding = call.header(.contentEncoding), encoding.lowercased() != "identity" {
      throw Failure(415, "a body encoded as \(encoding.quoted) is not read; send it as it is", closes: true)
    }
    var body: [UInt8] = []
    if route.reading == .whole {
      if let length = call.header(.contentLength).flatMap({ Int($0) }), length > settings.longestBody {
        throw tooLong
      }
      body = try await reads(settings.longestBody)
    }
    return try await route.run(call, names, body)
  }

  /// Reads a body: a large one apart from the thread on which all others wait.
  func reading<Result: Sendable>(
    _ body: [UInt8], _ read: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try body.count > 1 << 16 ? await pool.run(read) : read()
  }

  private var tooLong: Failure {
    Failure(413, "the body has more than \(memoryText(settings.longestBody))", closes: true)
  }

  /// What a client calls its request, where that is a plain word; else a name of the server's own.
  func requestID(_ given: String?) -> String {
    if let given, (1...64).contains(given.utf8.count),
      given.utf8.allSatisfy({
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0)
      })
    {
      return given
    }
    return "\(idPrefix)-\(requests.wrappingAdd(1, ordering: .relaxed).newValue)"
  }

  private func preflight(_ call: Call) -> Answer {
    var answer = Answer(status: 204)
    let methods = Set(table.methods(of: call.path)).sorted()
    answer.headers[.allow] = (methods + ["OPTIONS"]).joined(separator: ", ")
    if origins.allowed(call) != nil {
      answer.headers[.accessControlAllowMethods] = methods.joined(separator: ", ")
      answer.headers[.accessControlAllowHeaders] =
        "Authorization, Content-Type, Accept, X-Request-ID, Inference-Header-Content-Length"
      answer.headers[.accessControlMaxAge] = "600"
    }
    return answer
  }

  private func decorate(_ answer: inout Answer, _ call: Call) {
    answer.headers[.requestID] = call.id
    answer.headers[.xContentTypeOptions] = "nosniff"
    if answer.headers[.cacheControl] == nil { answer.headers[.cacheControl] = "no-store" }
    if let origin = origins.allowed(call) {
      answer.headers[.accessControlAllowOrigin] = origin
      answer.headers[.accessControlExposeHeaders] =
        "X-Request-ID, X-Refrain-Notes, Inference-Header-Content-Length, Location"
      answer.headers[.vary] = "Origin"
    }
  }

  /// What counts and logs the request; where the answer is written piece by piece, that is done after the last.
  private func finish(
    _ answer: inout Answer, _ call: Call, _ route: Route?, _ began: UInt64
  ) -> @Sendable () -> Void {
    let status = answer.status
    guard case .stream(let write) = answer.body else {
      let seconds = Double(Session.now &- began) / 1e9
      return { self.note(call, route, status: status, seconds) }
    }
    // Not even begun, where the client has gone before: then the answer is dropped, and this with it.
    let ending = Ending { isWhole in
      self.note(call, route, status: isWhole ? status : 499, Double(Session.now &- began) / 1e9)
    }
    answer.body = .stream { writer in
      try await write(&writer)
      ending.isWhole.store(true, ordering: .relaxed)
    }
    return {}
  }

  /// Tells of the end of an answer when it is let go.
  private final class Ending: Sendable {
    let isWhole = Atomic(false)
    private let tell: @Sendable (_ isWhole: Bool) -> Void

    init(tell: @escaping @Sendable (Bool) -> Void) { self.tell = tell }

    deinit { tell(isWhole.load(ordering: .relaxed)) }
  }

  private func note(_ call: Call, _ route: Route?, status: Int, _ seconds: Double) {
    meters.running.wrappingSubtract(1, ordering: .relaxed)
    // Only names of the server's own: a path from outside would make a line of its own for each.
    let method = route?.method ?? (call.method == "OPTIONS" ? "OPTIONS" : "other")
    meters.answered(route?.path ?? "none", method: method, status: status, seconds: seconds)
    logger.info(
      "request",
      metadata: [
        "request": "\(call.id)", "method": "\(String(call.method.prefix(20)))", "route": "\(route?.path ?? "none")",
        "path": "\(String(call.path.prefix(200)))", "status": .stringConvertible(status),
        "seconds": .stringConvertible(seconds),
      ])
  }
}
