import RefrainData
import RefrainFoundation

/// The best trials once more with other seeds: each claimed by one, given back where its process ended, and run once.
extension Study {
  /// A repeat to run: one whose process has ended, or one that nobody has begun.
  ///
  /// - Parameters:
  ///   - trials: The numbers of the trials that are repeated.
  ///   - count: How many repeats each of them has.
  /// - Returns: nil when all have ended, or the rest are being run by others.
  /// - Throws: What the file says.
  func claimRepeat(of trials: [Int], count: Int) throws(DataError) -> (trial: Trial, number: Int)? {
    try write { database in
      let now = Date().timeIntervalSince1970
      for row in try database.query("SELECT trial, number, owner, sign, attempts FROM repeat WHERE state = 'running'") {
        guard hasEnded(row["owner"] ?? "", sign: row["sign"] ?? 0, now: now) else { continue }
        let (trial, number): (Int, Int) = (try row.value("trial"), try row.value("number"))
        let attempts: Int = try row.value("attempts")
        let isHopeless = attempts >= Self.mostAttempts
        let message = isHopeless ? "its process was ended each of the \(attempts) times that it was run" : nil
        try database.change(
          "UPDATE repeat SET state = ?, message = ? WHERE trial = ? AND number = ?",
          (isHopeless ? State.failed : .waiting).rawValue, message, trial, number)
      }
      let known = try Self.repeats(database)
      for number in 1...max(1, count) {
        for trial in trials {
          let state = known[trial]?.first { $0.number == number }?.state
          guard state == nil || state == .waiting else { continue }
          try database.change(
            """
            INSERT INTO repeat (trial, number, state, owner, sign, attempts) VALUES (?, ?, 'running', ?, ?, 1)
            ON CONFLICT (trial, number) DO UPDATE
            SET state = 'running', owner = excluded.owner, sign = excluded.sign, attempts = attempts + 1
            """, trial, number, owner, now)
          guard let found = try Self.trials(database).first(where: { $0.number == trial }) else { return nil }
          return (found, number)
        }
      }
      return nil
    }
  }

  /// Says that a repeat is still run; false where it was taken away meanwhile.
  @discardableResult
  func signOfLife(_ trial: Int, repeat number: Int) throws(DataError) -> Bool {
    try write { database in
      try database.change(
        "UPDATE repeat SET sign = ? WHERE trial = ? AND number = ? AND owner = ? AND state = 'running'",
        Date().timeIntervalSince1970, trial, number, owner)
      return database.changeCount > 0
    }
  }

  /// Ends a repeat, or puts it off as `waiting`; nothing happens where it was given to another process meanwhile.
  func end(
    _ trial: Int, repeat number: Int, _ state: State, result: Double? = nil, message: String? = nil
  ) throws(DataError) {
    try write { database in
      try database.change(
        """
        UPDATE repeat SET state = ?, result = ?, message = ?, attempts = attempts - ?
        WHERE trial = ? AND number = ? AND owner = ? AND state = 'running'
        """, state.rawValue, result, message, state == .waiting ? 1 : 0, trial, number, owner)
    }
  }

  /// The repeats of each trial that has any, by number.
  static func repeats(_ database: Database) throws -> [Int: [Repeat]] {
    var repeats: [Int: [Repeat]] = [:]
    for row in try database.query("SELECT trial, number, state, result FROM repeat ORDER BY trial, number") {
      let state = State(rawValue: try row.value("state")) ?? .failed
      repeats[try row.value("trial"), default: []].append(
        Repeat(number: try row.value("number"), state: state, result: row["result"]))
    }
    return repeats
  }

  /// Whether somebody who lives runs a trial, or one of its repeats.
  func isBusy() throws(DataError) -> Bool {
    try write { database in
      let now = Date().timeIntervalSince1970
      let rows = try database.query(
        """
        SELECT owner, sign FROM trial WHERE state = 'running' UNION ALL
        SELECT owner, sign FROM repeat WHERE state = 'running'
        """)
      return rows.contains { row in
        let other: String? = row["owner"]
        return other != owner && !hasEnded(other ?? "", sign: row["sign"] ?? 0, now: now)
      }
    }
  }
}
