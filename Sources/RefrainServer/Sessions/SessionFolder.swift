import RefrainData
import RefrainFoundation
import RefrainTasks

/// Where states of sessions lie on disk. The names of all files are made of what the server itself drew, never of what
/// a request says.
struct SessionFolder: Sendable {
  /// What a file says besides the state.
  struct Note: Codable, Sendable {
    var model: String
    var fingerprint: String
    var sequence: String?
    var owner: String?
    var steps: Int
    var last: Last?

    /// What was said last.
    struct Last: Codable, Sendable {
      var numbers: [UInt32]?
      var shape: [Int]?
      var text: String?
    }
  }

  let path: String

  /// Makes the folder if it is not there.
  ///
  /// - Throws: `unwritableFile`.
  init(_ path: String) throws(DataError) {
    self.path = path
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw DataError(.unwritableFile, file: path, "the folder cannot be made", remedy: "name another with --sessions")
    }
  }

  /// The sessions whose states are there.
  var sessions: [String] {
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return folders.filter { $0.count == 2 }.flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []).compactMap { name in
        guard name.hasSuffix(Self.ending) else { return nil }
        let id = String(name.dropLast(Self.ending.count))
        return SessionID.isOne(id) && id.hasPrefix(folder) ? id : nil
      }
    }
  }

  private static let ending = ".session"

  /// A folder of a folder, so that none has very many files.
  private func file(_ id: String, _ snapshot: String? = nil) -> String {
    "\(path)/\(id.prefix(2))/\(id)" + (snapshot.map { ".snapshot-\($0)" } ?? Self.ending)
  }

  /// Writes a session and its snapshots. The caller has entered its gate.
  ///
  /// - Throws: What writing throws.
  func write(_ session: Session) throws(DataError) {
    let folder = "\(path)/\(session.id.prefix(2))"
    if mkdir(folder, 0o700) != 0, errno != EEXIST {
      throw DataError(.unwritableFile, file: folder, "the folder cannot be made")
    }
    removeSnapshots(session.id, but: Set(session.snapshots.map(\.name)))
    for snapshot in session.snapshots {
      let bytes = try Self.bytes(session, snapshot.state, steps: snapshot.steps, last: snapshot.last)
      try writeAtomically(bytes, to: file(session.id, snapshot.name))
    }
    let bytes = try Self.bytes(
      session, session.box.state, steps: session.box.steps, last: session.box.last, owner: session.owner)
    try writeAtomically(bytes, to: file(session.id))
  }

  /// A state as the bytes of a file.
  ///
  /// - Parameter owner: Whose it is, for the server's own disk alone.
  static func bytes(
    _ session: Session, _ state: LiveState, steps: Int, last: LiveOutput?, owner: String? = nil
  ) throws(DataError) -> [UInt8] {
    var contents = try session.live.file(of: state)
    var note = Note(
      model: session.model.name, fingerprint: session.model.fingerprint, sequence: session.sequence,
      owner: owner, steps: steps)
    switch last?.content {
    case .numbers(let values, let shape): note.last = Note.Last(numbers: values.map(\.bitPattern), shape: shape)
    case .texts(let texts): note.last = Note.Last(text: texts.last)
    case nil: break
    }
    guard let text = try? JSONEncoder().encode(note) else {
      throw DataError(.unwritableFile, "the session's note cannot be written as JSON")
    }
    contents.metadata["session"] = String(decoding: text, as: UTF8.self)
    return try contents.bytes()
  }

  /// No stream is longer: what is counted on from there stays a number.
  private static let mostSteps = 1 << 53

  /// A state from the bytes of a file, of a model that is served.
  ///
  /// - Throws: `damagedModel` when they are no state, or one of another model.
  static func state(
    _ bytes: [UInt8], of model: ServedModel
  ) throws(DataError) -> (state: LiveState, note: Note, last: LiveOutput?) {
    let contents = try SafeTensorsFile(bytes: bytes)
    guard let note = note(of: contents), let live = model.live, (0...mostSteps).contains(note.steps) else {
      throw DataError(.damagedModel, "this is no state of a session")
    }
    guard note.fingerprint == model.fingerprint else {
      throw DataError(
        .damagedModel,
        "the state is of another model: of \(note.model.quoted) with the fingerprint \(note.fingerprint), where "
          + "\(model.name.quoted) has \(model.fingerprint)")
    }
    let state = try live.state(in: contents)
    var last: LiveOutput?
    if let text = note.last?.text, (try? JSONValue(Array(text.utf8))) != nil {
      last = LiveOutput(content: .texts([text]))
    }
    if let numbers = note.last?.numbers, let shape = note.last?.shape, elementCount(of: shape) == numbers.count {
      last = LiveOutput(content: .numbers(numbers.map { Float(bitPattern: $0) }, shape: shape))
    }
    return (state, note, last)
  }

  private static func note(of contents: SafeTensorsFile) -> Note? {
    contents.metadata["session"].flatMap { try? JSONDecoder().decode(Note.self, from: Data($0.utf8)) }
  }

  /// Reads a session back.
  ///
  /// - Parameter models: Those that are served.
  /// - Throws: What reading throws; `damagedModel` when its model is not served any more, or is another now.
  func read(_ id: String, models: ModelShelf) throws(DataError) -> Session {
    let bytes = try readFile(file(id))
    guard let note = Self.note(of: try SafeTensorsFile(bytes: bytes)),
      let model = try models.model(note.model, fingerprint: note.fingerprint), let live = model.live
    else {
      throw DataError(.damagedModel, "the model of this session is not served any more")
    }
    let (state, _, last) = try Self.state(bytes, of: model)
    let session = Session(
      id: id, model: model, live: live, sequence: note.sequence, owner: note.owner, state: state)
    (session.box.last, session.box.steps) = (last, note.steps)
    var snapshots: [Session.Snapshot] = []
    for name in snapshotNames(id) {
      let (state, note, last) = try Self.state(readFile(file(id, name)), of: model)
      snapshots.append(Session.Snapshot(name: name, state: state, last: last, steps: note.steps))
    }
    session.keep(snapshots)
    return session
  }

  /// The model and the sequence of a session.
  func note(_ id: String) -> Note? {
    (try? SafeTensorsFile(contentsOf: file(id))).flatMap(Self.note)
  }

  /// Removes a session and its snapshots.
  func remove(_ id: String) {
    unlink(file(id))
    removeSnapshots(id, but: [])
  }

  private func removeSnapshots(_ id: String, but kept: Set<String>) {
    for name in snapshotNames(id) where !kept.contains(name) { unlink(file(id, name)) }
  }

  private func snapshotNames(_ id: String) -> [String] {
    let start = "\(id).snapshot-"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(id.prefix(2))")) ?? []
    return names.filter { $0.hasPrefix(start) }.compactMap { Int($0.dropFirst(start.count)) }.sorted().map(String.init)
  }
}

/// Names of sessions.
enum SessionID {
  /// One that nobody can guess.
  static func draw() -> String {
    var generator = SystemRandomNumberGenerator()
    return [generator.next(), generator.next()].map { (part: UInt64) in
      let digits = String(part, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// Whether a text has the form of one.
  static func isOne(_ text: String) -> Bool {
    text.utf8.count == 32 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }
}
