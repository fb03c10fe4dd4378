import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Refrain
import RefrainData
import RefrainFoundation
import ServiceLifecycle

/// Trained models over HTTP: the Open Inference Protocol, tasks as the command answers them, and streams whose state
/// lives on the server.
///
///     let server = try RefrainServer(models: [(name: "sales", path: "sales.model")])
///     try await server.run()
public struct RefrainServer: Sendable {
  private let settings: ServerSettings
  private let logger: Logger
  private let signal: ReloadSignal
  /// Held as long as the server is.
  private let lock: FolderLock?
  let service: Service
  /// Nil for models that are of no files.
  let reloader: ModelReloader?

  /// Reads the models.
  ///
  /// - Parameters:
  ///   - models: The files, each under the name that requests call it by: letters, digits and `-_.`.
  ///   - settings: How the server runs.
  ///   - level: The least of what is logged, as lines of JSON on standard error: `debug`, `info`, `notice`, `warning`,
  ///     `error`.
  /// - Throws: What reading a model throws; `wrongInput` for a name that is none, or given twice; `unwritableFile` for
  ///   a folder of sessions that cannot be written, or that another server has.
  public init(
    models: [(name: String, path: String)], settings: ServerSettings = ServerSettings(), level: String = "info"
  ) throws(DataError) {
    // Before the models are read, which may take long: who asks meanwhile that they be read again does not end the
    // process.
    let signal = ReloadSignal()
    let meters = Meters()
    var served: [ServedModel] = []
    var sources: [ModelReloader.Source] = []
    for (name, path) in models {
      guard Self.isName(name) else {
        throw DataError(
          .wrongInput, file: path, "a model cannot be called \(name.quoted)",
          remedy: "give it another name of letters, digits, '-', '_' and '.', as NAME=FILE")
      }
      guard !served.contains(where: { $0.name == name }) else {
        throw DataError(
          .wrongInput, file: path, "there are two models called \(name.quoted)",
          remedy: "give one another name, as NAME=FILE")
      }
      // Before it is read: what is written meanwhile is a change.
      sources.append(ModelReloader.Source(name: name, path: path))
      served.append(try ServedModel(name: name, path: path, meters: meters))
    }
    try self.init(
      served, of: sources, settings: settings, meters: meters,
      logger: .lines(Logger.Level(rawValue: level) ?? .info), signal: signal)
  }

  init(
    _ models: [ServedModel], of sources: [ModelReloader.Source] = [], settings: ServerSettings, meters: Meters,
    logger: Logger, signal: ReloadSignal = ReloadSignal()
  ) throws(DataError) {
    (self.settings, self.logger, self.signal) = (settings, logger, signal)
    lock = try settings.sessionFolder.map { (path) throws(DataError) in try FolderLock(SessionFolder(path)) }
    service = try Service(models, settings, meters: meters, logger: logger)
    var sources = sources
    for (place, model) in zip(sources.indices, models) { sources[place].keep(model, on: service.shelf) }
    reloader = sources.isEmpty ? nil : ModelReloader(sources, service.shelf, meters: meters, logger: logger)
  }

  /// The name of a model from that of its file: without its folder and ending, of letters, digits and `-_.`.
  public static func name(of path: String) -> String {
    var name = path.split(separator: "/").last.map(String.init) ?? ""
    if let dot = name.lastIndex(of: "."), dot != name.startIndex { name = String(name[..<dot]) }
    let text = String(name.map { isPlain($0) ? $0 : "_" }.prefix(64))
    return text.allSatisfy { $0 == "." } ? "model" : text
  }

  private static func isPlain(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
  }

  static func isName(_ text: String) -> Bool {
    (1...64).contains(text.count) && text.allSatisfy(isPlain) && !text.allSatisfy { $0 == "." }
  }

  /// The tokens of a file: one on each line; lines that begin with `#` are comments.
  ///
  /// - Throws: What reading throws; `emptyFile` where there is none.
  public static func tokens(in path: String) throws(DataError) -> [String] { try TokenCheck.tokens(in: path) }

  /// Answers until the process is asked to end by SIGTERM or SIGINT; SIGHUP has it look whether the files of models
  /// have changed. What is being answered at the end is answered to its end, unless it is asked again; and states of
  /// sessions are written if there is a folder for them.
  ///
  /// - Parameter onRunning: Told the port when requests are taken.
  /// - Throws: `wrongInput` when the address cannot be listened at.
  public func run(onRunning: @escaping @Sendable (_ port: Int) -> Void = { _ in }) async throws(DataError) {
    let deadlines = ReadingDeadlines(patience: settings.readingTime)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let executor = LoopExecutor(group.any())
    service.shelf.run(on: executor)
    let brief = BriefRequests(service, on: executor)
    let listener: any ServiceLifecycle.Service
    do { listener = try self.listener(group, deadlines, brief, onRunning) } catch {
      throw DataError(.wrongInput, "the server cannot be made ready: \(error)")
    }
    var configuration = ServiceGroupConfiguration(
      services: [
        // Told last: it looks after what is being answered until nothing is.
        .init(
          service: Sweeper(service: service, deadlines: deadlines, signals: StopSignals()),
          successTerminationBehavior: .ignore),
        .init(
          service: Rereader(reloader: reloader, period: settings.reloadTime, signal: signal),
          successTerminationBehavior: .ignore),
        .init(
          service: OnLoop(executor: executor, service: listener), successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .gracefullyShutdownGroup),
        // The last is told first.
        .init(service: Herald(service: service), successTerminationBehavior: .ignore),
      ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(settings.drainTime)
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch {
      guard service.hasStarted else {
        try? await group.shutdownGracefully()
        let words = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
        throw DataError(
          .wrongInput, "the server cannot listen at \(settings.host), port \(settings.port): \(words)",
          remedy: "choose another with --host and --port")
      }
      // Whoever did not end in time was cut off; what can be saved is saved all the same.
      logger.warning("the server did not end by itself", metadata: ["error": "\(error)"])
    }
    await brief.ended()
    // A task of Hummingbird, which nobody can wait for, takes its leave of the loop after its service has ended.
    try? await Task.sleep(for: .milliseconds(50))
    executor.close()
    try? await group.shutdownGracefully()
    service.sessions.saveAll()
    service.shelf.close()
    withExtendedLifetime(lock) {}
    logger.notice("ended")
  }

  /// What stands between the wire and Hummingbird. What closes idle connections comes before what answers, so that it
  /// hears of all requests.
  private static func handlers(
    _ brief: BriefRequests, _ settings: ServerSettings, _ logger: Logger
  ) -> [any RemovableChannelHandler] {
    let watch = ClientWatch()
    let idleTime = Duration.milliseconds(Int64(max(1, settings.readingTime * 2) * 1000))
    return [
      watch, HTTPConnectionStateHandler(idleTimeout: idleTime, logger: logger), BriefAnswers(watch.client, brief),
    ]
  }

  /// What listens at the address, and hands on what comes.
  private func listener(
    _ group: MultiThreadedEventLoopGroup, _ deadlines: ReadingDeadlines, _ brief: BriefRequests,
    _ onRunning: @escaping @Sendable (Int) -> Void
  ) throws -> any ServiceLifecycle.Service {
    var plain = logger
    plain.logLevel = max(.warning, logger.logLevel)
    let (logger, quiet, settings, service) = (logger, plain, settings, service)
    let responder = Responder(service: service, deadlines: deadlines, brief: brief)
    let server = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: Self.handlers(brief, settings, quiet),
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)))
    return try server.buildServer(
      configuration: ServerConfiguration(
        address: .hostname(settings.host, port: settings.port), backlog: 1024,
        availableConnectionsDelegate: MaximumAvailableConnections(settings.connections, logger: quiet)),
      eventLoopGroup: group, logger: quiet
    ) { request, writer, channel in
      try await responder.respond(to: request, writer, channel)
    } onServerRunning: { channel in
      service.start()
      let port = channel.localAddress?.port ?? settings.port
      logger.notice(
        "listening",
        metadata: [
          "host": "\(settings.host)", "port": .stringConvertible(port),
          "models": .stringConvertible(service.shelf.models.count),
        ])
      onRunning(port)
    }
  }
}

/// Runs a service where others wait for the network.
private struct OnLoop: ServiceLifecycle.Service {
  let executor: LoopExecutor
  let service: any ServiceLifecycle.Service

  func run() async throws {
    try await withTaskExecutorPreference(executor) { try await service.run() }
  }
}

/// Looks after what has a time: requests that do not arrive, computations, sessions that nobody asks for; and after
/// those who do not want to wait for the end.
private struct Sweeper: ServiceLifecycle.Service {
  let service: Service
  let deadlines: ReadingDeadlines
  let signals: StopSignals

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      var rounds = 0
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(100))
        if signals.count > 1 { throw StopSignals.Repeated() }
        deadlines.sweep()
        service.pool.sweep()
        rounds += 1
        if rounds % 10 == 0 { service.sessions.sweep() }
        if rounds % 100 == 0 { TensorMemory.giveBackUnwanted() }
      }
    }
  }
}

/// Has the files of models looked at when the process is asked to by SIGHUP, and now and then.
private struct Rereader: ServiceLifecycle.Service {
  let reloader: ModelReloader?
  let period: Double?
  let signal: ReloadSignal

  func run() async throws {
    guard let reloader else {
      try? await gracefulShutdown()
      return
    }
    let period = period.map { UInt64(max(0.1, min($0, 1e9)) * 1e9) }
    await cancelWhenGracefulShutdown {
      var (isAsked, looked) = (false, Session.now)
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(100))
        isAsked = signal.take() || isAsked
        guard isAsked || period.map({ Session.now &- looked >= $0 }) == true else { continue }
        if reloader.begin(all: isAsked) { (isAsked, looked) = (false, Session.now) }
      }
    }
  }
}

/// Lets it be known that the server is about to end.
private struct Herald: ServiceLifecycle.Service {
  let service: Service

  func run() async throws {
    try? await gracefulShutdown()
    service.drain()
  }
}
