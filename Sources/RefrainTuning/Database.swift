import CSQLite
import RefrainFoundation
import Synchronization

/// An open file of SQLite. Whoever shares it uses it within ``transaction(writes:_:)``, one after the other.
final class Database: @unchecked Sendable {
  private let handle: OpaquePointer
  private let isTaken = Mutex(())

  /// Opens a file, or makes it.
  ///
  /// - Parameter patience: For how many seconds to wait for others who use the file.
  init(_ path: String, patience: Double) throws(DatabaseError) {
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &handle, flags, nil)
    guard code == SQLITE_OK, let handle else {
      let error = handle.map { DatabaseError(code, of: $0) }
      sqlite3_close_v2(handle)
      throw error ?? DatabaseError(code: code, message: String(cString: sqlite3_errstr(code)))
    }
    self.handle = handle
    sqlite3_busy_timeout(handle, Int32(clamping: Int(patience * 1000)))
  }

  deinit { sqlite3_close_v2(handle) }

  /// How many rows the last statement changed.
  var changeCount: Int { Int(sqlite3_changes(handle)) }

  /// Runs statements that ask for nothing.
  func run(_ statements: String) throws(DatabaseError) {
    try check(sqlite3_exec(handle, statements, nil, nil, nil))
  }

  /// Changes something by one statement, each `?` of which stands for one of the values.
  func change(_ statement: String, _ values: (any DatabaseValue)?...) throws(DatabaseError) {
    _ = try rows(statement, values)
  }

  /// The rows that one statement asks for, each `?` of which stands for one of the values.
  func query(_ statement: String, _ values: (any DatabaseValue)?...) throws(DatabaseError) -> [Row] {
    try rows(statement, values)
  }

  private func rows(_ statement: String, _ values: [(any DatabaseValue)?]) throws(DatabaseError) -> [Row] {
    var prepared: OpaquePointer?
    try check(sqlite3_prepare_v2(handle, statement, -1, &prepared, nil))
    defer { sqlite3_finalize(prepared) }
    for (index, value) in values.enumerated() {
      let place = Int32(index + 1)
      try check(value.map { $0.bind(to: prepared, at: place) } ?? sqlite3_bind_null(prepared, place))
    }
    var rows: [Row] = []
    while true {
      let code = sqlite3_step(prepared)
      if code == SQLITE_DONE { return rows }
      guard code == SQLITE_ROW else { throw DatabaseError(code, of: handle) }
      rows.append(Row(prepared))
    }
  }

  /// What `body` does happens whole, or not at all; all that it reads is of one moment.
  ///
  /// - Parameter writes: Whether it writes: nobody else does meanwhile.
  func transaction<Result>(writes: Bool, _ body: (Database) throws -> Result) throws -> Result {
    try isTaken.withLock { _ in
      try run(writes ? "BEGIN IMMEDIATE" : "BEGIN")
      do {
        let result = try body(self)
        try run("COMMIT")
        return result
      } catch {
        // Some errors have ended it already.
        if sqlite3_get_autocommit(handle) == 0 { try? run("ROLLBACK") }
        throw error
      }
    }
  }

  private func check(_ code: Int32) throws(DatabaseError) {
    guard code == SQLITE_OK else { throw DatabaseError(code, of: handle) }
  }

  /// A row of an answer.
  struct Row {
    private var cells: [String: any DatabaseValue] = [:]

    fileprivate init(_ statement: OpaquePointer?) {
      for place in 0..<sqlite3_column_count(statement) {
        let name = String(cString: sqlite3_column_name(statement, place))
        switch sqlite3_column_type(statement, place) {
        case SQLITE_INTEGER: cells[name] = Int(sqlite3_column_int64(statement, place))
        case SQLITE_FLOAT: cells[name] = sqlite3_column_double(statement, place)
        case SQLITE_TEXT:
          let bytes = UnsafeRawBufferPointer(
            start: sqlite3_column_text(statement, place), count: Int(sqlite3_column_bytes(statement, place)))
          cells[name] = String(decoding: bytes, as: UTF8.self)
        default: break
        }
      }
    }

    /// What a column holds; nil where it holds nothing, or another kind of value.
    subscript<Value: DatabaseValue>(name: String) -> Value? {
      // A whole number is kept as one, whatever the column's kind.
      cells[name] as? Value ?? (cells[name] as? Int).flatMap { Double($0) as? Value }
    }

    /// What a column always holds.
    ///
    /// - Throws: A `DatabaseError` of a damaged file where it holds nothing, or another kind of value.
    func value<Value: DatabaseValue>(_ name: String) throws(DatabaseError) -> Value {
      guard let value: Value = self[name] else {
        throw DatabaseError(code: SQLITE_CORRUPT, message: "there is no \(name)")
      }
      return value
    }
  }
}

/// What SQLite does not like.
struct DatabaseError: Error {
  /// The kind, one of SQLite's.
  var code: Int32
  /// SQLite's words.
  var message: String

  init(code: Int32, message: String) { (self.code, self.message) = (code, message) }

  fileprivate init(_ code: Int32, of handle: OpaquePointer) {
    // The lowest byte; what stands above it says more than anybody here asks.
    self.init(code: code & 0xFF, message: String(cString: sqlite3_errmsg(handle)))
  }
}

/// What a place of a table can hold.
protocol DatabaseValue: Sendable {
  /// Puts the value in place of a `?` of a statement, counted from 1, and gives SQLite's code for how that went.
  func bind(to statement: OpaquePointer?, at place: Int32) -> Int32
}

extension Int: DatabaseValue {
  func bind(to statement: OpaquePointer?, at place: Int32) -> Int32 {
    sqlite3_bind_int64(statement, place, Int64(self))
  }
}

extension Double: DatabaseValue {
  func bind(to statement: OpaquePointer?, at place: Int32) -> Int32 { sqlite3_bind_double(statement, place, self) }
}

extension String: DatabaseValue {
  func bind(to statement: OpaquePointer?, at place: Int32) -> Int32 {
    // SQLITE_TRANSIENT, which no header of C gives to Swift: SQLite copies the text.
    let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    return sqlite3_bind_text(statement, place, self, Int32(clamping: utf8.count), copied)
  }
}
