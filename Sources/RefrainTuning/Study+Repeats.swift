import Foundation
import GRDB
import RefrainData

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
    try write { db in
      let now = Date().timeIntervalSince1970
      let running = try Row.fetchAll(
        db, sql: "SELECT trial, number, owner, sign, attempts FROM repeat WHERE state = 'running'")
      for row in running {
        let (owner, sign): (String?, Double?) = (row["owner"], row["sign"])
        guard hasEnded(owner ?? "", sign: sign ?? 0, now: now) else { continue }
        let (trial, number, attempts): (Int, Int, Int) = (row["trial"], row["number"], row["attempts"])
        let isHopeless = attempts >= Self.mostAttempts
        let message = isHopeless ? "its process was ended each of the \(attempts) times that it was run" : nil
        try db.execute(
          sql: "UPDATE repeat SET state = ?, message = ? WHERE trial = ? AND number = ?",
          arguments: [(isHopeless ? State.failed : .waiting).rawValue, message, trial, number])
      }
      let known = try Self.repeats(db)
      for number in 1...max(1, count) {
        for trial in trials {
          let state = known[trial]?.first { $0.number == number }?.state
          guard state == nil || state == .waiting else { continue }
          try db.execute(
            sql: """
              INSERT INTO repeat (trial, number, state, owner, sign, attempts) VALUES (?, ?, 'running', ?, ?, 1)
              ON CONFLICT (trial, number) DO UPDATE
              SET state = 'running', owner = excluded.owner, sign = excluded.sign, attempts = attempts + 1
              """, arguments: [trial, number, owner, now])
          guard let found = try Self.trials(db).first(where: { $0.number == trial }) else { return nil }
          return (found, number)
        }
      }
      return nil
    }
  }

  /// Says that a repeat is still run; false where it was taken away meanwhile.
  @discardableResult
  func signOfLife(_ trial: Int, repeat number: Int) throws(DataError) -> Bool {
    try write { db in
      try db.execute(
        sql: "UPDATE repeat SET sign = ? WHERE trial = ? AND number = ? AND owner = ? AND state = 'running'",
        arguments: [Date().timeIntervalSince1970, trial, number, owner])
      return db.changesCount > 0
    }
  }

  /// Ends a repeat, or puts it off as `waiting`; nothing happens where it was given to another process meanwhile.
  func end(
    _ trial: Int, repeat number: Int, _ state: State, result: Double? = nil, message: String? = nil
  ) throws(DataError) {
    try write { db in
      try db.execute(
        sql: """
          UPDATE repeat SET state = ?, result = ?, message = ?, attempts = attempts - ?
          WHERE trial = ? AND number = ? AND owner = ? AND state = 'running'
          """,
        arguments: [state.rawValue, result, message, state == .waiting ? 1 : 0, trial, number, owner])
    }
  }

  /// The repeats of each trial that has any, by number.
  static func repeats(_ db: Database) throws -> [Int: [Repeat]] {
    var repeats: [Int: [Repeat]] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT trial, number, state, result FROM repeat ORDER BY trial, number") {
      let state: String = row["state"]
      repeats[row["trial"], default: []].append(
        Repeat(number: row["number"], state: State(rawValue: state) ?? .failed, result: row["result"]))
    }
    return repeats
  }

  /// Whether somebody who lives runs a trial, or one of its repeats.
  func isBusy() throws(DataError) -> Bool {
    try write { db in
      let now = Date().timeIntervalSince1970
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT owner, sign FROM trial WHERE state = 'running' UNION ALL
          SELECT owner, sign FROM repeat WHERE state = 'running'
          """)
      return rows.contains { row in
        let (other, sign): (String?, Double?) = (row["owner"], row["sign"])
        return other != owner && !hasEnded(other ?? "", sign: sign ?? 0, now: now)
      }
    }
  }
}
