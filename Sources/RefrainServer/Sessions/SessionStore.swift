import Logging
import RefrainData
import Synchronization

/// All sessions: those in memory, and those whose states lie on disk.
final class SessionStore: Sendable {
  private struct Table {
    var live: [String: Session] = [:]
    /// Those that are on disk, and not in memory.
    var stored: [String: Stored] = [:]
    /// The sessions of sequences, by model, name and owner.
    var sequences: [String: String] = [:]
    /// How many were put on disk.
    var writings = 0
  }

  private struct Stored {
    /// That of the model.
    let fingerprint: String
    let owner: String?
    /// Tells one writing from another.
    var writing = 0
  }

  /// The most sessions on disk alone.
  private static let mostStored = 1_000_000

  private let shelf: ModelShelf
  private let limit: Int
  private let idleTime: Double
  private let folder: SessionFolder?
  private let meters: Meters
  private let logger: Logger
  private let table = Mutex(Table())

  /// - Parameter folder: Where states are written; nil writes none.
  init(
    _ shelf: ModelShelf, _ folder: SessionFolder?, _ settings: ServerSettings, meters: Meters, logger: Logger
  ) {
    (self.shelf, self.folder, self.meters, self.logger) = (shelf, folder, meters, logger)
    (limit, idleTime) = (settings.sessions, settings.idleTime)
    guard let folder else { return }
    let stored = folder.sessions
    // There may be very many, of few models.
    var known: Set<String> = []
    table.withLock { table in
      for id in stored {
        let note = folder.note(id)
        table.stored[id] = Stored(
          fingerprint: known.insert(note?.fingerprint ?? "").memberAfterInsert,
          owner: note?.owner.map { known.insert($0).memberAfterInsert })
        if let note, let sequence = note.sequence { table.sequences[Self.key(note.model, sequence, note.owner)] = id }
      }
    }
    if !stored.isEmpty {
      logger.notice("sessions found on disk", metadata: ["sessions": .stringConvertible(stored.count)])
    }
  }

  private static func key(_ model: String, _ sequence: String, _ owner: String?) -> String {
    model + "\u{0}" + sequence + "\u{0}" + (owner ?? "")
  }

  /// Whether a session is there for whoever asks: it is for whose token it was begun with. Where no token is asked for,
  /// or none was, it is there for all.
  private static func isOpen(_ owner: String?, to asking: String?) -> Bool {
    asking == nil || owner == nil || owner == asking
  }

  /// How many there are in memory and on disk.
  var counts: (live: Int, stored: Int) { table.withLock { ($0.live.count, $0.stored.count) } }

  /// The sessions in memory that are there for whoever asks, those used last first, and how many there are of them in
  /// memory and on disk.
  func list(atMost count: Int, for asking: String?) -> (sessions: [Session], live: Int, stored: Int) {
    let (live, stored) = table.withLock { table in
      (
        table.live.values.filter { Self.isOpen($0.owner, to: asking) },
        asking == nil ? table.stored.count : table.stored.values.count { Self.isOpen($0.owner, to: asking) }
      )
    }
    return (Array(live.sorted { $0.used > $1.used }.prefix(count)), live.count, stored)
  }

  // MARK: - Beginning and ending

  /// A session before its first step, or one that goes on from a state.
  ///
  /// - Parameter owner: Whose it is; nil for all.
  /// - Throws: 400 for a model that needs whole sequences, 429 when there are as many sessions as there may be.
  func begin(
    _ model: ServedModel, sequence: String? = nil, owner: String?,
    from start: (state: LiveState, last: LiveOutput?, steps: Int)? = nil
  ) throws(Failure) -> Session {
    guard let live = model.live else {
      throw Failure(400, "the model \(model.name.quoted) has no sessions: \(model.notLive ?? "")")
    }
    try makeRoom()
    let session = Session(
      id: SessionID.draw(), model: model, live: live, sequence: sequence, owner: owner,
      state: start?.state ?? live.begin())
    if let start { (session.box.last, session.box.steps) = (start.last, start.steps) }
    let replaced: String? = table.withLock { table in
      table.live[session.id] = session
      return sequence.flatMap { table.sequences.updateValue(session.id, forKey: Self.key(model.name, $0, owner)) }
    }
    if let replaced { forget(replaced) }
    meters.count(.sessionsCreated)
    return session
  }

  /// Puts the session that was used longest ago on disk when there are as many as there may be.
  ///
  /// - Throws: 429 when there is no disk to put it on.
  private func makeRoom() throws(Failure) {
    let (isFull, oldest) = table.withLock { table in
      guard table.live.count >= limit else { return (false, nil as Session?) }
      return (true, folder == nil ? nil : table.live.values.min { $0.used < $1.used })
    }
    guard isFull else { return }
    guard let oldest, table.withLock({ $0.stored.count < Self.mostStored }), store(oldest) else {
      throw Failure(429, "there are \(limit) sessions, as many as there may be; close one", retryAfter: 1)
    }
  }

  /// The session of a sequence, or nil.
  func id(of sequence: String, _ model: String, for owner: String?) -> String? {
    table.withLock { $0.sequences[Self.key(model, sequence, owner)] }
  }

  /// Ends a session.
  ///
  /// - Throws: 404 when there is none of this name for whoever asks.
  func end(_ id: String, for asking: String?) throws(Failure) {
    let isThere = table.withLock { table in
      if let session = table.live[id] { return Self.isOpen(session.owner, to: asking) }
      return table.stored[id].map { Self.isOpen($0.owner, to: asking) } ?? false
    }
    guard isThere, forget(id) else { throw Self.unknown(id) }
  }

  @discardableResult
  private func forget(_ id: String) -> Bool {
    let (session, wasStored) = table.withLock { table -> (Session?, Bool) in
      let session = table.live.removeValue(forKey: id)
      let wasStored = table.stored.removeValue(forKey: id) != nil
      if let session {
        let key = session.sequence.map { Self.key(session.model.name, $0, session.owner) }
        if let key, table.sequences[key] == id { table.sequences[key] = nil }
      } else if wasStored, let key = table.sequences.first(where: { $0.value == id })?.key {
        table.sequences[key] = nil
      }
      return (session, wasStored)
    }
    session?.leaveForGood()
    if session != nil || wasStored { folder?.remove(id) }
    return session != nil || wasStored
  }

  private static func unknown(_ id: String) -> Failure {
    Failure(404, "there is no session \(id.quoted): it was closed, has expired, or never was")
  }

  // MARK: - Use

  /// Lets a request to a session, alone, when those before it are done. One on disk is brought back first.
  ///
  /// - Parameter asking: Whose token the request brought; nil where none is asked for.
  /// - Throws: 404 when there is none of this name for whoever asks, 429 when too many wait for it, and what `body`
  ///   throws.
  func use<Result: Sendable>(
    _ id: String, for asking: String?, _ body: (Session) async throws -> Result
  ) async throws -> Result {
    // It may be put on disk while a request waits for it.
    for _ in 0..<3 {
      guard let session = try await find(id, for: asking) else { continue }
      try await session.gate.enter()
      defer {
        session.touch()
        session.gate.leave()
      }
      guard !session.isGone else { continue }
      session.touch()
      return try await body(session)
    }
    throw Self.unknown(id)
  }

  /// The session of a name, brought back from disk where it lies there; nil where it changed its place meanwhile.
  private func find(_ id: String, for asking: String?) async throws(Failure) -> Session? {
    let (live, stored) = table.withLock { ($0.live[id], $0.stored[id]) }
    if let live {
      guard Self.isOpen(live.owner, to: asking) else { throw Self.unknown(id) }
      return live
    }
    guard let stored, Self.isOpen(stored.owner, to: asking), let folder else { throw Self.unknown(id) }
    try makeRoom()
    let session: Session
    do throws(DataError) { session = try await read(id, folder, of: stored.fingerprint) } catch {
      logger.error("a session cannot be brought back", metadata: ["session": "\(id)", "error": "\(error.problem)"])
      throw Failure(409, "the session \(id) cannot be brought back: \(error.problem)")
    }
    let found: Session? = table.withLock { table in
      // Another request may have been faster.
      if let other = table.live[id] { return other }
      // It may have been ended meanwhile, or have come back, gone on, and gone to disk again.
      guard let now = table.stored[id], now.writing == stored.writing else { return nil }
      table.live[id] = session
      table.stored[id] = nil
      return session
    }
    if found === session { meters.count(.sessionsRestored) }
    return found
  }

  // MARK: - Disk

  /// Reads a session back: on another thread where its weights have to be read too.
  private func read(_ id: String, _ folder: SessionFolder, of fingerprint: String) async throws(DataError) -> Session {
    guard shelf.isAsleep(fingerprint) else { return try folder.read(id, models: shelf) }
    let shelf = shelf
    return try await ThreadExecutor.steps.run {
      Result { () throws(DataError) in try folder.read(id, models: shelf) }
    }.get()
  }

  /// Whether states can be written.
  var canStore: Bool { folder != nil }

  /// Writes a session to disk; it stays in memory. The caller has entered its gate.
  ///
  /// - Throws: 409 where there is no folder, 507 when it cannot be written.
  func save(_ session: Session) throws(Failure) {
    guard let folder else {
      throw Failure(409, "the server was started without --sessions FOLDER, so it writes no states")
    }
    do throws(DataError) { try folder.write(session) } catch {
      meters.count(.writeFailures)
      logger.error("a session cannot be written", metadata: ["session": "\(session.id)", "error": "\(error)"])
      throw Failure(507, "the session could not be written: \(error.problem)")
    }
    meters.count(.sessionsStored)
  }

  /// Puts a session on disk and out of memory, unless somebody is using it.
  private func store(_ session: Session) -> Bool {
    guard session.gate.tryEnter() else { return false }
    defer { session.gate.leave() }
    guard !session.isGone, (try? save(session)) != nil else { return false }
    session.leaveForGood()
    table.withLock { table in
      guard table.live[session.id] === session else { return }
      table.live[session.id] = nil
      table.writings += 1
      table.stored[session.id] = Stored(
        fingerprint: session.model.fingerprint, owner: session.owner, writing: table.writings)
    }
    return true
  }

  /// Puts sessions that nobody has asked for on disk, or ends them where there is none.
  func sweep() {
    for session in table.withLock({ Array($0.live.values) }) where session.idleTime > idleTime {
      if folder != nil {
        _ = store(session)
      } else if session.gate.tryEnter() {
        defer { session.gate.leave() }
        guard session.idleTime > idleTime else { continue }
        forget(session.id)
        meters.count(.sessionsExpired)
      }
    }
    shelf.release {
      table.withLock { (Set($0.live.values.map(\.model.fingerprint)), Set($0.stored.values.map(\.fingerprint))) }
    }
  }

  /// Writes all sessions, before the server ends.
  func saveAll() {
    guard folder != nil else { return }
    let sessions = table.withLock { Array($0.live.values) }
    let written = sessions.filter { store($0) }.count
    logger.notice(
      "sessions written", metadata: ["sessions": .stringConvertible(written), "of": .stringConvertible(sessions.count)])
  }
}
