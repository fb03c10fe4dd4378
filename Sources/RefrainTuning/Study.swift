import CSQLite
import RefrainData
import RefrainFoundation

/// A search for good values: its trials, in a SQLite file that outlives the process and that several processes of one
/// machine share. (They share memory beside the file, which no file system of a network gives them.)
///
/// A trial is claimed in one transaction, so that no two processes have the same; whoever runs it gives signs of life,
/// and one whose process has ended without a result is given to the next that asks, twice at most. What is finished
/// stays so.
public final class Study: Sendable {
  /// What is searched, and how: the same for all who share the study.
  public struct Description: Codable, Sendable, Equatable {
    /// What trials have in common, such as the task, its options and its data: a text that changes with them.
    public var identity: String
    /// The name of what is measured.
    public var measure: String
    /// What the search's chance follows from.
    public var seed: UInt64
    /// The space, as a text that changes with it.
    public var space: String

    /// A description.
    public init(identity: String, measure: String, seed: UInt64, space: String) {
      self.identity = identity
      self.measure = measure
      self.seed = seed
      self.space = space
    }
  }

  /// How a trial stands.
  public enum State: String, Sendable, CaseIterable {
    /// Its process has ended without a result; somebody will run it again.
    case waiting
    /// Somebody runs it.
    case running
    /// It has its result.
    case finished
    /// It was ended early.
    case pruned
    /// It cannot be run.
    case failed
  }

  /// One trial.
  public struct Trial: Sendable {
    /// From 1.
    public var number: Int
    /// How it stands.
    public var state: State
    /// The options by name.
    public var values: [String: String]
    /// What was measured; of a pruned trial nil.
    public var result: Double?
    /// Why it failed.
    public var message: String?
    /// How many times it was begun, but for those in which it was put off.
    public var attempts: Int
    /// How long it took.
    public var seconds: Double?
    /// What it reported on its way, after 1, 2, … epochs.
    public var reports: [(step: Int, value: Double)]
    /// How it went with other seeds, where it was among the best.
    public var repeats: [Repeat] = []
  }

  /// A trial once more, with another seed.
  public struct Repeat: Sendable, Equatable {
    /// From 1; what follows from chance differs with it.
    public var number: Int
    /// How it stands.
    public var state: State
    /// What was measured.
    public var result: Double?
  }

  /// Where the study is.
  public let path: String
  private let database: Database
  let owner: String
  /// After how many seconds without a sign of life a process that cannot be asked about, as one of another container,
  /// is taken for ended.
  private let patience: Double

  /// Opens a study, or makes it.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - description: What is searched.
  ///   - patience: After how many seconds without a sign of life a trial is given to others.
  /// - Throws: `wrongInput` where the file is another study's, `damagedFile` or `unwritableFile` where it cannot be
  ///   used.
  public convenience init(_ path: String, _ description: Description, patience: Double = 60) throws(DataError) {
    let owner = "\(ProcessInfo.processInfo.hostName) \(getpid()) \(Self.bootAndStart(of: getpid()))"
    try self.init(path, description, patience: patience, owner: owner)
  }

  /// - Parameter owner: Who claims trials: a machine, a process of it, and when that began, each without a blank.
  init(_ path: String, _ description: Description, patience: Double = 60, owner: String) throws(DataError) {
    self.path = path
    self.patience = patience
    self.owner = owner
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = (try? encoder.encode(description)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    database = try Self.opened(path)
    let found: String? = try write { database in
      try database.run(Self.schema)
      try database.change("INSERT OR IGNORE INTO study (id, description) VALUES (1, ?)", text)
      return try database.query("SELECT description FROM study").first?["description"]
    }
    guard found == text else {
      throw DataError(
        .wrongInput, file: path, "this study searches something else: its task, data, options or space differ",
        remedy: "give what was given then, or name another file with --study")
    }
  }

  private static let schema = """
    CREATE TABLE IF NOT EXISTS study (id INTEGER PRIMARY KEY CHECK (id = 1), description TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS trial (
      number INTEGER PRIMARY KEY, state TEXT NOT NULL, "values" TEXT NOT NULL, result REAL, message TEXT,
      owner TEXT, sign REAL, attempts INTEGER NOT NULL, began REAL, ended REAL);
    CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, text TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS report (
      trial INTEGER NOT NULL REFERENCES trial (number), step INTEGER NOT NULL, value REAL NOT NULL,
      PRIMARY KEY (trial, step));
    CREATE TABLE IF NOT EXISTS repeat (
      trial INTEGER NOT NULL REFERENCES trial (number), number INTEGER NOT NULL, state TEXT NOT NULL, result REAL,
      message TEXT, owner TEXT, sign REAL, attempts INTEGER NOT NULL, PRIMARY KEY (trial, number));
    """

  /// Runs `body`, and says what the database does not like in one line.
  private static func explained<Result>(
    _ path: String, _ body: () throws -> Result
  ) throws(DataError) -> Result {
    do {
      return try body()
    } catch let error as DatabaseError where error.code == SQLITE_FULL {
      throw DataError(.diskFull, file: path, "no space left for the study", remedy: "free some space")
    } catch let error as DatabaseError where [SQLITE_NOTADB, SQLITE_CORRUPT].contains(error.code) {
      throw DataError(.damagedFile, file: path, "this is no study", remedy: "name another file")
    } catch {
      let problem = (error as? DatabaseError)?.message ?? "\(error)"
      throw DataError(.unwritableFile, file: path, "the study cannot be used: \(problem.onOneLine)")
    }
  }

  /// Opens the file. Of several that begin with it at once SQLite sends all but one away without waiting, as each would
  /// wait for the others: they come again.
  private static func opened(_ path: String) throws(DataError) -> Database {
    let end = ProcessInfo.processInfo.systemUptime + 60
    return try explained(path) {
      while true {
        do {
          let database = try Database(path, patience: 60)
          try database.change("PRAGMA journal_mode = WAL")
          try database.run("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")
          return database
        } catch let error as DatabaseError
          where error.code == SQLITE_BUSY && ProcessInfo.processInfo.systemUptime < end
        {
          usleep(useconds_t.random(in: 5_000..<50_000))
        }
      }
    }
  }

  /// What `body` does to the database happens whole, or not at all, and while nobody else writes.
  func write<Result: Sendable>(_ body: (Database) throws -> Result) throws(DataError) -> Result {
    try Self.explained(path) { try database.transaction(writes: true, body) }
  }

  /// What `body` reads is of one moment.
  private func read<Result: Sendable>(_ body: (Database) throws -> Result) throws(DataError) -> Result {
    try Self.explained(path) { try database.transaction(writes: false, body) }
  }
}

extension Study {
  /// How many times a trial is run whose process ends without a result.
  static let mostAttempts = 3

  /// A trial to run: one whose process has ended, or a new one.
  ///
  /// - Parameters:
  ///   - limit: How many trials there are to be in all; failed ones are not counted.
  ///   - choose: Gives the values of a new trial, from all that there are and the new one's number.
  /// - Returns: nil when there are as many, or the rest are being run by others.
  /// - Throws: What the file says.
  public func claim(
    limit: Int, choose: (_ trials: [Trial], _ number: Int) -> [String: String]
  ) throws(DataError) -> Trial? {
    try write { database in
      let now = Date().timeIntervalSince1970
      for row in try database.query("SELECT number, owner, sign, attempts FROM trial WHERE state = 'running'") {
        guard hasEnded(row["owner"] ?? "", sign: row["sign"] ?? 0, now: now) else { continue }
        let (number, attempts): (Int, Int) = (try row.value("number"), try row.value("attempts"))
        // What ends its process each time, as by asking for too much memory, would do so for ever.
        let isHopeless = attempts >= Self.mostAttempts
        let message = isHopeless ? "its process was ended each of the \(attempts) times that it was run" : nil
        try database.change(
          "UPDATE trial SET state = ?, message = ?, ended = ? WHERE number = ?",
          (isHopeless ? State.failed : .waiting).rawValue, message, isHopeless ? now : nil, number)
        try database.change("DELETE FROM report WHERE trial = ?", number)
      }
      let counts = try database.query(
        """
        SELECT min(CASE state WHEN 'waiting' THEN number END) AS waiting, max(number) AS last,
          count(CASE WHEN state != 'failed' THEN 1 END) AS count FROM trial
        """)[0]
      var number: Int? = counts["waiting"]
      if let number {
        try database.change(
          "UPDATE trial SET state = 'running', owner = ?, sign = ?, began = ?, attempts = attempts + 1 WHERE number = ?",
          owner, now, now, number)
      } else {
        guard try counts.value("count") < limit else { return nil }
        let next = (counts["last"] ?? 0) + 1
        let values = choose(try Self.trials(database), next)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(values), as: UTF8.self)
        try database.change(
          """
          INSERT INTO trial (number, state, "values", owner, sign, began, attempts) VALUES (?, 'running', ?, ?, ?, ?, 1)
          """, next, text, owner, now, now)
        number = next
      }
      return try Self.trials(database).first { $0.number == number }
    }
  }

  /// Says that a trial is still run; false where it was taken away meanwhile.
  @discardableResult
  public func signOfLife(_ trial: Int) throws(DataError) -> Bool {
    try write { database in
      try database.change(
        "UPDATE trial SET sign = ? WHERE number = ? AND owner = ? AND state = 'running'",
        Date().timeIntervalSince1970, trial, owner)
      return database.changeCount > 0
    }
  }

  /// Takes down what a trial reports on its way, unless it was given to another process meanwhile.
  ///
  /// - Returns: What the other trials reported at this step.
  public func report(_ value: Double, of trial: Int, at step: Int) throws(DataError) -> [Double] {
    try write { database in
      if value.isFinite {
        try database.change(
          """
          INSERT OR REPLACE INTO report (trial, step, value)
          SELECT number, ?, ? FROM trial WHERE number = ? AND owner = ? AND state = 'running'
          """, step, value, trial, owner)
      }
      return try database.query("SELECT value FROM report WHERE step = ? AND trial != ?", step, trial)
        .map { row in try row.value("value") }
    }
  }

  /// Ends a trial, or puts it off as `waiting`; nothing happens where it was given to another process meanwhile.
  public func end(
    _ trial: Int, _ state: State, result: Double? = nil, message: String? = nil
  ) throws(DataError) {
    try write { database in
      try database.change(
        """
        UPDATE trial SET state = ?, result = ?, message = ?, ended = ?, attempts = attempts - ?
        WHERE number = ? AND owner = ? AND state = 'running'
        """,
        state.rawValue, result, message, Date().timeIntervalSince1970, state == .waiting ? 1 : 0, trial, owner)
    }
  }

  /// A text that was kept under a name; nil where there is none.
  public func note(_ name: String) throws(DataError) -> String? {
    try read { database in try database.query("SELECT text FROM note WHERE name = ?", name).first?["text"] }
  }

  /// Keeps a text under a name, unless there is one.
  public func keep(_ text: String, as name: String) throws(DataError) {
    try write { database in
      try database.change("INSERT OR IGNORE INTO note (name, text) VALUES (?, ?)", name, text)
    }
  }

  /// All trials, by number.
  public func trials() throws(DataError) -> [Trial] {
    try read { database in try Self.trials(database) }
  }

  static func trials(_ database: Database) throws -> [Trial] {
    let repeats = try repeats(database)
    var reports: [Int: [(step: Int, value: Double)]] = [:]
    for row in try database.query("SELECT trial, step, value FROM report ORDER BY trial, step") {
      reports[try row.value("trial"), default: []].append((try row.value("step"), try row.value("value")))
    }
    return try database.query("SELECT * FROM trial ORDER BY number").map { row in
      let text: String = try row.value("values")
      let (number, began, ended): (Int, Double?, Double?) = (try row.value("number"), row["began"], row["ended"])
      return Trial(
        number: number, state: State(rawValue: try row.value("state")) ?? .failed,
        values: try JSONDecoder().decode([String: String].self, from: Data(text.utf8)), result: row["result"],
        message: row["message"], attempts: try row.value("attempts"),
        seconds: began.flatMap { began in ended.map { $0 - began } }, reports: reports[number] ?? [],
        repeats: repeats[number] ?? [])
    }
  }

  /// Whether whoever ran a trial is gone: a process of this machine that is not there, or one that cannot be asked
  /// about and has been silent.
  func hasEnded(_ other: String, sign: Double, now: Double) -> Bool {
    if other == owner { return false }
    let (mine, theirs) = (owner.split(separator: " "), other.split(separator: " "))
    if theirs.count == 3, mine.count == 3, mine[0] == theirs[0], let process = pid_t(theirs[1]) {
      return Self.bootAndStart(of: process) != theirs[2]
    }
    return now - sign > patience
  }

  /// What tells a process from a later one of the same number; `none` where there is no such process.
  private static func bootAndStart(of process: pid_t) -> String {
    guard kill(process, 0) == 0 || errno == EPERM else { return "none" }
    guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let end = status.lastIndex(of: ")")
    else { return "there" }
    let fields = status[status.index(after: end)...].split(separator: " ")
    // A process that has ended and was not waited for runs nothing.
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return "none" }
    return String(fields[19])
  }
}
